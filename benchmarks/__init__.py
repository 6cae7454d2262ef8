"""Benchmarks: run as `python -m benchmarks.NAME`; what they print is kept in docs/benchmarks.md."""
