"""Whether an LSTM forecasts markets: their volatility beside HAR and EWMA, and their prices."""
