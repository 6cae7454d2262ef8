"""Scores of sequence estimators: measures, intervals, calibration and verdicts; NumPy alone."""
