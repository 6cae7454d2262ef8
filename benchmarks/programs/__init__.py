"""Programs that people run, on torch and under `gatewise run`: `python -m benchmarks.programs`.

A file a program, each with what it needs; one whose packages are missing is skipped, and the line says
how to make it an environment. Their versions of other packages clash, so each may have its own.
"""
