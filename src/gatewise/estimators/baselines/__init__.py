"""Baselines beside every score of sequences: NumPy predicts, scikit-learn fits where it is needed."""
