"""The command `bench`: gatewise against its peers on this machine, goals beside figures."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gatewise.cli.opening import check_new_file
from gatewise.cli.options import Config, Names, Whole
from gatewise.cli.output import console
from gatewise.errors import how_to_install

if TYPE_CHECKING:
    from gatewise.bench import Record, Report

SEVERAL = Parameter(consume_multiple=True, negative="")


def bench(
    *,
    mode: Annotated[
        Names,
        SEVERAL,
        Parameter(
            help="train, infer, packed, bf16, gates, step, threads, odd, memory, long, or all. "
            "[default: train infer]",
            show_default=False,
        ),
    ] = ("train", "infer"),
    cells: Annotated[
        Names,
        SEVERAL,
        Parameter(help="lstm, gru, rnn. [default: those of the mode]", show_default=False),
    ] = (),
    rows: Annotated[
        Names,
        SEVERAL,
        Parameter(
            help="Sizes T,B,I,H (steps, rows, inputs, hidden units), main, odd. "
            "[default: those of the mode]",
            show_default=False,
        ),
    ] = (),
    peers: Annotated[
        Names,
        SEVERAL,
        Parameter(
            help=f"onnx, jax, keras, beside torch: {how_to_install('bench')}. [default: none]",
            show_default=False,
        ),
    ] = ("torch",),
    engine: Annotated[str, Parameter(help="The engine of gatewise that is measured.")] = "native",
    threads: Annotated[
        Whole | None, Parameter(help="Threads of every side. [default: the machine's CPUs]")
    ] = None,
    rounds: Annotated[Whole, Parameter(help="Turns of each side, at least; made odd.")] = 7,
    seconds: Annotated[float, Parameter(help="Time of each side per row, at least.")] = 0.3,
    as_json: Annotated[
        str | None, Parameter(name="--json", help="Write the records to a .json file.")
    ] = None,
    plot: Annotated[str | None, Parameter(help="Write a picture: .png or .svg.")] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace those files if they exist.", show_default=False)
    ] = False,
    config: Config = None,
) -> None:
    """Measure gatewise against its peers on this machine: time, share of the peak, memory.

    Results are compared first: a side that differs from torch gets no time. The sides take turns in one
    process. Lines go to stderr as they come; Markdown tables, with the goals, to stdout at the end.

    Try:

      gatewise bench --rows 100,32,16,64
      gatewise bench --mode infer --peers onnx jax --plot infer.png > infer.md
    """
    from gatewise.bench import (  # noqa: PLC0415 - brings torch
        Effort,
        check_picture,
        disagreeing,
        make_plan,
        markdown,
        run,
        write_picture,
    )
    from gatewise.errors import EngineError  # noqa: PLC0415

    records = None if as_json is None else Path(as_json)
    picture = None if plot is None else Path(plot)
    plan = make_plan(
        modes=mode,
        cells=cells,
        rows=rows,
        peers=peers,
        engine=engine,
        threads=(os.cpu_count() or 1) if threads is None else threads,
        effort=Effort(rounds, seconds),
    )
    if records is not None:
        check_new_file(records, overwrite, ending=".json")
    if picture is not None:
        check_new_file(picture, overwrite)
        check_picture(picture, plan.modes)
    report = run(plan, lambda report, record: _done(report, record, records))
    console().print(markdown(report), end="")
    if picture is not None:
        write_picture(report, picture)
    wrong = disagreeing(report)
    if wrong:
        raise EngineError(
            f"the results of engine {engine!r} differ from torch's: {'; '.join(wrong)}"
        )


def _done(report: Report, record: Record, path: Path | None) -> None:
    """Print a record, and write the file anew: what is interrupted leaves what it has."""
    from gatewise.bench import line, write_json  # noqa: PLC0415 - brings torch

    print(line(report, record), file=sys.stderr, flush=True)
    if path is not None:
        write_json(report, path)
