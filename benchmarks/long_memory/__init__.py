"""How far back an LSTM learns to remember by full backpropagation, and where it keeps it."""
