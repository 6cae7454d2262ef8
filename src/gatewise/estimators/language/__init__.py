"""`LanguageModel`: the next token of a text, with its probability."""
