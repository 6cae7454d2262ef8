"""Whether an LSTM learns a dependency thousands of steps away, and where it keeps it."""
