"""What each direction of a bidirectional LSTM knows at each step."""
