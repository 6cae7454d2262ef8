"""From what a network computes to answers, with NumPy alone: the estimators and the runtime share it."""
