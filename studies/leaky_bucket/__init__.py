"""A forget gate below 1 as a leak that bounds the cell."""
