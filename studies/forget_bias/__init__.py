"""What the starting bias of the forget gate does to learning over a lag."""
