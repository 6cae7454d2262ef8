"""What the studies share: what a study is, how it is run, judged and shown, and its statistics."""
