"""What runs on a CUDA device beside torch's own pass: gates in one kernel, unlike rows padded.

`kernels` are written in Triton, which is loaded with the first call that needs them (`launch`) and
may be missing; `gates` puts them into torch's graph, `padded` runs rows of unlike lengths, and
`by_size` says which calls these are faster for.
"""
