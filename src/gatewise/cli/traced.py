"""`gatewise inspect DIR` of what `gatewise run --trace DIR` left: what records alone tell.

There is no model here and there are no gradients, so that nothing is said of which input matters, what
a state is worth, or how far back an answer reaches.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from gatewise.cli.opening import check_new_file
from gatewise.cli.output import console
from gatewise.errors import InputError
from gatewise.wording import counted

if TYPE_CHECKING:
    from gatewise.report import Record
    from gatewise.tracing.store import Trace

PAGE = "report.html"
MEASURES = ("gate_timescale", "saturation", "still_units", "state_health")
"""Of `gw.memory`, what reads a record and nothing else."""
ALONE = (
    "From records alone: there is no model and are no gradients here, so that nothing is said of which "
    "input matters, or of what a state is worth."
)
SHOWN = 4
"""Records on the page, each with its layers and directions: of the modules that were called first."""


def is_of_traces(words: list[str]) -> bool:
    """Tell whether a command line inspects a folder of traces and no run."""
    if words[:1] != ["inspect"]:
        return False
    folders = [Path(word) for word in words[1:] if not word.startswith("-")]
    return any(
        folder.is_dir() and not (folder / "config.json").exists() and any(_files(folder))
        for folder in folders[:1]
    )


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder that a process may have left, by the number of the process."""
    found = [path for path in folder.glob("*.safetensors") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def inspect_traces(
    folder: Annotated[Path, Parameter(help="What `gatewise run --trace DIR` left.")],
    /,
    *,
    explain: Annotated[
        bool, Parameter(help="Also write a page beside the records, DIR/report.html.", negative="")
    ] = False,
    overwrite: Annotated[
        bool, Parameter(help="Replace that page if it exists.", negative="")
    ] = False,
) -> None:
    """Say what the recorded calls of a program tell, module by module.

    Try:

      gatewise run --trace traces medaka inference calls.bam out.hdf
      gatewise inspect traces --explain
    """
    from gatewise.tracing.store import Trace  # noqa: PLC0415 - brings torch

    page = folder / PAGE
    if explain:
        check_new_file(page, overwrite)
    traces = {path.name: Trace.load(path) for path in _files(folder)}
    screen = console()
    screen.print(ALONE)
    findings: dict[str, str] = {}
    for file, trace in traces.items():
        for name in trace:
            screen.print(f"\n{name}  ({file}: {_sizes(trace, name)})")
            for sentence in _sentences(trace, name):
                screen.print(f"  {sentence}")
                if not sentence.startswith("("):  # what cannot be told is no finding
                    findings.setdefault(f"{name}: {sentence}", f"{file}, {_sizes(trace, name)}")
    if explain:
        _write(page, folder, traces, findings)
        screen.print(f"\nPage  {page}")


def _sizes(trace: Trace, name: str) -> str:
    gates = trace[name]
    layers, directions, steps, rows, units = next(iter(gates.values())).shape
    calls = counted(trace.count(name), "recorded call")
    sizes = {"step": steps, "row": rows, "layer": layers, "direction": directions, "unit": units}
    last = ", ".join(counted(size, one) for one, size in sizes.items())
    return f"{calls}, the last of {last}"


def _sentences(trace: Trace, name: str) -> list[str]:
    """Return what the last recorded call of a module tells; what cannot be told says why."""
    from gatewise import memory  # noqa: PLC0415

    found = []
    for measure in MEASURES:
        try:
            found.append(str(getattr(memory, measure)(trace[name]).reading))
        except InputError as error:
            found.append(f"({measure}: {error})")
    return found


def _write(page: Path, folder: Path, traces: dict[str, Trace], findings: dict[str, str]) -> None:
    """Write the page: the sentences, and the gates of the first row of each module."""
    from gatewise.report import Contents, Finding, write_page  # noqa: PLC0415

    every = [(file, trace, name) for file, trace in traces.items() for name in trace]
    first = every[0][1][every[0][2]]
    steps = first.hidden.shape[2]
    # a page has one axis of time: those modules are shown that run over as many steps as the first
    alike = [one for one in every if one[1][one[2]].hidden.shape[2] == steps][:SHOWN]
    several = len(traces) > 1
    records = tuple(
        record
        for file, trace, name in alike
        for record in _records(trace, name, f"{name} ({file})" if several else name, folder / file)
    )
    contents = Contents(
        title=f"Recorded calls of a program: {folder.name}",
        subtitle=ALONE,
        findings=tuple(Finding(sentence, evidence) for sentence, evidence in findings.items()),
        records=records,
        records_note=f"The first row of the last recorded call, {counted(len(alike), 'module')} of "
        f"{len(every)}.",
    )
    write_page(contents, page)


def _records(trace: Trace, name: str, shown: str, path: Path) -> list[Record]:
    from gatewise.report import Record  # noqa: PLC0415

    gates, kind = trace[name], trace.kept(name).cell
    layers, directions = gates.hidden.shape[:2]
    python = (
        f"trace[{name!r}].{{quantity}}[{{layer}}, {{direction}}, :, {{row}}][{{time}}, {{units}}]"
    )
    return [
        Record(
            module=shown,
            cell=kind.removesuffix("_tanh").removesuffix("_relu").upper(),
            kind=kind,
            quantities={key: _array(value[layer, direction, :, 0]) for key, value in gates.items()},
            layer=layer,
            direction=direction,
            row_name="row 0",
            python=python,
            setup=f"import gatewise as gw\ntrace = gw.load_trace({str(path)!r})",
        )
        for layer in range(layers)
        for direction in range(directions)
    ]


def _array(value: Any) -> Any:
    return value.double().numpy()
