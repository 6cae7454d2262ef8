"""What is shown of the studies: a page each, their index, figure files and notebooks."""
