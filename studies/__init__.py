"""The textbook's claims, each measured: a folder per claim, and `common/` for what they share."""
