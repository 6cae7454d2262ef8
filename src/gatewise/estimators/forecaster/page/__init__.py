"""The page of a forecaster's run."""
