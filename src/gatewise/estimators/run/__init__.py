"""The run folder: its lock, its description, its replacement."""
