"""`Regressor`: a number, or several, for each sequence."""
