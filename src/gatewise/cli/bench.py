"""The command `bench`: what may be typed; `benchmarks/against_peers` of the checkout does the work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gatewise.cli.checkout import from_checkout
from gatewise.cli.opening import check_new_file
from gatewise.cli.options import Config, Whole, Words
from gatewise.cli.output import console
from gatewise.errors import how_to_install

SEVERAL = Parameter(consume_multiple=True, negative="")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What is measured, beside what, how long, and where the figures go."""

    mode: Annotated[
        Words,
        SEVERAL,
        Parameter(
            help="train, infer, packed, bf16, gates, step, threads, odd, memory, long, or all. "
            "[default: train infer]",
            show_default=False,
        ),
    ] = ("train", "infer")
    cells: Annotated[
        Words,
        SEVERAL,
        Parameter(help="lstm, gru, rnn. [default: those of the mode]", show_default=False),
    ] = ()
    rows: Annotated[
        Words,
        SEVERAL,
        Parameter(
            help="Sizes T,B,I,H (steps, rows, inputs, hidden units), main, odd. "
            "[default: those of the mode]",
            show_default=False,
        ),
    ] = ()
    peers: Annotated[
        Words,
        SEVERAL,
        Parameter(
            help=f"onnx, jax, keras, beside torch: {how_to_install('bench')}. [default: none]",
            show_default=False,
        ),
    ] = ("torch",)
    engine: Annotated[str, Parameter(help="The engine of gatewise that is measured.")] = "native"
    threads: Annotated[
        Whole | None, Parameter(help="Threads of every side. [default: the machine's CPUs]")
    ] = None
    rounds: Annotated[Whole, Parameter(help="Turns of each side, at least; made odd.")] = 7
    seconds: Annotated[float, Parameter(help="Time of each side per row, at least.")] = 0.3
    as_json: Annotated[
        str | None, Parameter(name="--json", help="Write the records to a .json file.")
    ] = None
    plot: Annotated[str | None, Parameter(help="Write a picture: .png or .svg.")] = None
    overwrite: Annotated[
        bool, Parameter(help="Replace those files if they exist.", show_default=False, negative="")
    ] = False


def bench(*, measured: BenchOptions | None = None, config: Config = None) -> None:
    """Measure gatewise against its peers on this machine: time, share of the peak, memory.

    Results are compared first: a side that differs from torch gets no time. The sides take turns in one
    process. Lines go to stderr as they come; Markdown tables, with the goals, to stdout at the end.

    Try:

      gatewise bench --rows 100,32,16,64
      gatewise bench --mode infer --peers onnx jax --plot infer.png > infer.md
    """
    asked = measured or BenchOptions()
    work = from_checkout("benchmarks", "against_peers", command="bench", extra="bench")
    records = None if asked.as_json is None else Path(asked.as_json)
    picture = None if asked.plot is None else Path(asked.plot)
    if records is not None:
        check_new_file(records, asked.overwrite, ending=".json")
    if picture is not None:
        check_new_file(picture, asked.overwrite)
    report = work.measure(
        mode=asked.mode,
        cells=asked.cells,
        rows=asked.rows,
        peers=asked.peers,
        engine=asked.engine,
        threads=asked.threads,
        rounds=asked.rounds,
        seconds=asked.seconds,
        records=records,
        picture=picture,
    )
    console().print(work.markdown(report), end="")
    work.check_agreement(report, asked.engine)
