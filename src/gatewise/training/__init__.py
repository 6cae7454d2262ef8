"""The training loop that every estimator shares: batches, schedule, checkpoints, several processes."""
