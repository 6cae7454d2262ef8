"""The GRU beside the LSTM on few and on many examples."""
