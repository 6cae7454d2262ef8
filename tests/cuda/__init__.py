"""Everything above the engines on a GPU, against the same call on the CPU."""
