"""`Classifier`: one label for each sequence."""
