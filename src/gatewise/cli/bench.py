"""The command `bench`: what may be typed; `benchmarks/against_peers` of the checkout does the work."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gatewise.cli.checkout import from_checkout
from gatewise.cli.opening import check_new_file
from gatewise.cli.options import Config, Whole, Words
from gatewise.cli.output import console
from gatewise.errors import EngineError, OptionError, how_to_install

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
    device: Annotated[
        str,
        Parameter(
            help="cpu, or a GPU: cuda, cuda:1, auto. There what gatewise adds is timed beside torch's "
            "modules: gates, packed rows, bfloat16 autocast, memory and a trace."
        ),
    ] = "cpu"
    rounds: Annotated[Whole, Parameter(help="Turns of each side, at least; made odd.")] = 7
    seconds: Annotated[float, Parameter(help="Time of each side per row, at least.")] = 0.3
    as_json: Annotated[
        str | None, Parameter(name="--json", help="Write the records to a .json file.")
    ] = None
    plot: Annotated[str | None, Parameter(help="Write a picture: .png or .svg.")] = None
    overwrite: Annotated[
        bool, Parameter(help="Replace those files if they exist.", show_default=False, negative="")
    ] = False


GPU_TAKES = ("device", "rows", "as_json", "overwrite")
"""The options that say something of a GPU: its modes, peers and effort are fixed."""


def _on_gpu(asked: BenchOptions) -> bool:
    """Measure on a GPU and return True; False where `auto` finds none."""
    from gatewise.engines.devices import found_here  # noqa: PLC0415 - brings torch
    from gatewise.training.distributed import check_device  # noqa: PLC0415

    device = found_here(asked.device)
    check_device(device)
    if device == "cpu":
        return False
    if not device.startswith("cuda"):
        raise OptionError(f"bench: device={asked.device!r} is not measured: take cpu or cuda")
    default = BenchOptions()
    for field in fields(asked):
        value = getattr(asked, field.name)
        if field.name not in GPU_TAKES and value != getattr(default, field.name):
            name = field.name.removeprefix("as_")
            raise OptionError(
                f"bench: --{name} is for the CPU, and --device {asked.device} says a GPU"
            )
    records = None if asked.as_json is None else Path(asked.as_json)
    if records is not None:
        check_new_file(records, asked.overwrite, ending=".json")
    work = from_checkout("benchmarks", "cuda", command="bench", extra="bench")
    try:
        work.run(device, asked.rows, records)
    except work.ResultsDifferError as error:
        raise EngineError(f"bench: the results differ from torch's: {error}") from None
    except ValueError as error:
        raise OptionError(f"bench: {error}") from None
    return True


def bench(*, measured: BenchOptions | None = None, config: Config = None) -> None:
    """Measure gatewise against its peers on this machine: time, share of the peak, memory.

    Results are compared first: a side that differs from torch gets no time. The sides take turns in one
    process. Lines go to stderr as they come; Markdown tables, with the goals, to stdout at the end.

    Try:

      gatewise bench --rows 100,32,16,64
      gatewise bench --mode infer --peers onnx jax --plot infer.png > infer.md
      gatewise bench --device cuda --json gpu.json
    """
    asked = measured or BenchOptions()
    if asked.device != "cpu" and _on_gpu(asked):
        return
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
