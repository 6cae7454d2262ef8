"""The native core in C++ on the CPU: tensors to its descriptors, a network forward and backward."""
