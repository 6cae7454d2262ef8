"""The sLSTM against what else runs it on a CPU: `python -m benchmarks.descendants`.

What is timed is the recurrence of one layer from the products W x on, the same for all: gatewise's
native engine, its reference engine, and a plain loop in torch with one batched product a step.
`--packages` adds what is installed of the packages themselves (`pip install --no-deps tirex-ts xlstm
flashrnn tirex-2 mlstm_kernels einops 'huggingface-hub<1'`): their own recurrences, and whole layers and
models before and after `gw.accelerate`. `--agreement` says how near each is to its float64 form. All
get the same weights, random ones, and no time is reported unless results agree. The contestants
alternate in one process; the figures are medians. Run it while nothing else runs.
"""
