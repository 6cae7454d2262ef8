"""The commands of tasks on sequences: labels of sequences or of steps, numbers, language."""
