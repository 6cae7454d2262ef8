"""Character models of the bundled texts beside compressors: `python -m benchmarks.characters`."""
