"""The vanishing gradient of a simple RNN, as a game of telephone."""
