"""What the estimators of sequences share: network, options, preparation, saving, prediction.

`estimator.SequenceEstimator` says which methods an estimator fills in.
"""
