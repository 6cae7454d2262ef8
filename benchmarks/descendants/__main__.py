"""The command: `python -m benchmarks.descendants`."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

import benchmarks.descendants
from benchmarks.descendants import packages, record, timing, wholes
from benchmarks.descendants.cells import GATES, QUICK, SIZES, Held, Pass, Size, loop, ours
from benchmarks.descendants.timing import infer, medians, train


def contestants(size: Size, *, with_packages: bool) -> dict[str, Pass]:
    """Return every pass by name, the native one first."""
    held = Held(size)
    found: dict[str, Pass] = {
        "native": ours(held, "native"),
        "reference": ours(held, "reference"),
        "torch loop": loop(held),
    }
    if with_packages:
        theirs = {name: build(held, size) for name, build in packages.CELLS.items()}
        found |= {name: run for name, run in theirs.items() if run is not None}
    return found


def name_of(size: Size) -> str:
    """Return what the table calls a size."""
    return f"{size.what} {size.steps} x {size.rows}, {size.heads} x {size.units // size.heads}"


def row_of(size: Size, work: Callable[..., Tensor], times: int, *, with_packages: bool) -> str:
    """Return a row of the table: milliseconds natively, and how many times longer the others take."""
    x = torch.randn(
        size.steps, size.rows, GATES * size.units, generator=torch.Generator().manual_seed(1)
    )
    passes = contestants(size, with_packages=with_packages)
    found = medians(passes, work, x, times, {"tirex-ts": wholes.ROUNDED})
    native = found.pop("native")
    ratios = " | ".join(f"{value / native:.1f}" for value in found.values())
    return f"| {name_of(size)} | {work.__name__} | {native:.2f} | {ratios} |"


def cells(times: int, sizes: list[Size], *, with_packages: bool) -> Iterator[str]:
    """Return the table of recurrences, line by line."""
    names = [*contestants(QUICK[0], with_packages=with_packages)][1:]
    others = " | ".join(f"{name}, x" for name in names)
    yield f"\n| steps x rows, heads x units | pass | native, ms | {others} |"
    yield f"|{'---|' * (3 + len(names))}"
    for size in sizes:
        for work in (infer, train):
            yield row_of(size, work, times, with_packages=with_packages)


def whole(times: int, *, quick: bool, only: str, compiled: bool) -> Iterator[str]:
    """Return the table of whole layers and models, line by line."""
    ours = "accelerated, ms | x | compiled by torch, x"
    yield f"\n| layer or model, patches x rows | pass | as published, ms | {ours} |"
    yield f"|{'---|' * 6}"
    yield from wholes.rows_of_table(times, quick=quick, only=only, compiled=compiled)


def agreement(*, quick: bool) -> Iterator[str]:
    """Say how near TiRex is to its float64 form, before and after."""
    from benchmarks.descendants.exact import distances  # noqa: PLC0415 - only where it is asked for

    small = {"units": 32, "blocks": 2, "feed": 64, "context": 128}
    if (model := packages.tirex_model(**(small if quick else {}))) is None:
        yield "tirex-ts is not installed"
        return
    found = distances(model, steps=model.config.train_ctx_len)
    yield "\nTiRex with random weights, forecasts of one patch, largest difference / largest value:"
    yield f"- accelerated from the package's own: {found.accelerated:.2e}"
    yield f"- the package's own from its float64 form: {found.package:.2e}"
    yield f"- accelerated from that float64 form: {found.ours:.2e}"


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=benchmarks.descendants.__doc__)
    parser.add_argument("--times", type=int, default=7, help="how often each pass is timed")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs")
    parser.add_argument("--threads", type=int, help="torch's threads; as torch has them by default")
    parser.add_argument(
        "--clock", choices=timing.CLOCKS, default="wall", help="cpu: on a machine that others use"
    )
    parser.add_argument("--only", default="", help="sizes whose name in the table has this text")
    parser.add_argument("--packages", action="store_true", help="the packages themselves too")
    parser.add_argument("--whole", action="store_true", help="their whole layers and models alone")
    parser.add_argument(
        "--compiled",
        action="store_true",
        help="of the wholes, tirex-2's layer compiled by torch too",
    )
    parser.add_argument(
        "--gates",
        action="store_true",
        help="what the record costs, and the share of the peak, alone",
    )
    parser.add_argument("--agreement", action="store_true", help="distances from float64 alone")
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    kind = platform.processor() or "cpu"
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {kind}")
    timing.chosen = given.clock
    lines: list[Iterator[str]] = []
    wanted = {"quick": given.quick, "only": given.only, "compiled": given.compiled}
    sizes = [one for one in (QUICK if given.quick else SIZES) if given.only in name_of(one)]
    if given.agreement:
        lines.append(agreement(quick=given.quick))
    elif given.whole:
        lines.append(whole(given.times, **wanted))
    elif given.gates:
        lines.append(iter([f"\n| {record.HEADER} |", f"|{'---|' * 5}"]))
        lines.append(record.rows_of_table(sizes, given.times))
    else:
        lines.append(cells(given.times, sizes, with_packages=given.packages))
        if given.packages:
            lines.append(whole(given.times, **wanted))
    for part in lines:
        for line in part:
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
