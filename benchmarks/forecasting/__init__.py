"""Forecasts of public series beside seasonal naive, ETS or Theta, boosting, and neuralforecast."""
