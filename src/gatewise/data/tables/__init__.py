"""Tables: reading, types, time, splits, scaling and windows."""
