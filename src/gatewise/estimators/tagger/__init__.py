"""Labels for every step of a sequence."""
