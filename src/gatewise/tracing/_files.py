"""A trace in a safetensors file: the arrays in their own precision, the rest as JSON.

No pickle: a file cannot run code, and one that is cut short or foreign is told before anything is used.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gatewise.errors import FileError, InputError
from gatewise.files import Envelope, path_of, seal, written_whole
from gatewise.tracing._fingerprint import Weights
from gatewise.tracing._host import HostCopies
from gatewise.tracing._options import Kept, Steps, TraceOptions, check_options, check_place
from gatewise.tracing._recordings import RecordedCall, RecordedModule, Recordings

ENVELOPE = Envelope("gatewise-trace", 2, "trace", "record it again")


def save(trace: Recordings, path: str | PathLike[str]) -> None:
    """Write a trace; see `Trace.save`."""
    if not any(trace.count(name) for name in trace.names):
        raise InputError("save: nothing is recorded yet; run the model inside the trace first")
    # names of modules may hold anything, so tensors go by the module's place and the call's number
    tensors: dict[str, Tensor] = {}
    modules = []
    for place, name in enumerate(trace.names):
        calls = []
        for number in range(trace.count(name)):
            call = trace.record(name, number)
            start = f"{place}.{number}"
            gates = {} if not call.parts else dict(call.gates())
            for key, value in {**gates, "lengths": call.lengths}.items():
                tensors[f"{start}.{key}"] = value.detach().cpu().contiguous()
            calls.append(
                {"steps": _range(call.steps), "total": call.total, "weights": call.weights.digest()}
            )
        modules.append({"name": name, "kept": _kept_to_json(trace.kept(name)), "calls": calls})
    options = trace.options
    about = {
        "aliases": trace.aliases,
        "modules": modules,
        "options": {
            "dtype": None if options.dtype is None else str(options.dtype).removeprefix("torch."),
            "device": None if options.device is None else str(options.device),
            "max_bytes": options.max_bytes,
            "with_grad": options.with_grad,
        },
    }
    _write(tensors, ENVELOPE.metadata(about), path_of(path, "save"))


def read(
    path: str | PathLike[str], device: torch.device | str
) -> tuple[dict[str, str], dict[str, RecordedModule], TraceOptions]:
    """Return the aliases, modules and options of the trace in a file; see `Trace.load`."""
    check_place(device, "load_trace")
    path = path_of(path, "load_trace")
    about, tensors = _read(path, str(device))
    with ENVELOPE.unpacking(path):
        modules = {
            module["name"]: _module_of(module, place, tensors)
            for place, module in enumerate(about["modules"])
        }
        options = dict(about["options"])
        options["dtype"] = None if options["dtype"] is None else getattr(torch, options["dtype"])
        aliases = about["aliases"]
        if not set(modules) <= set(aliases) or not set(aliases.values()) <= set(modules):
            raise ValueError("its names are not those of its modules")
        return aliases, modules, check_options(**options)


def _write(tensors: dict[str, Tensor], about: dict[str, str], path: Path) -> None:
    """Write the file; the old one stays until the new one is whole and on the disk."""
    if not path.parent.is_dir():
        raise FileError(
            f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}; make it"
        )
    with written_whole(path) as file:
        try:
            save_file(tensors, Path(file.name), about)
        except SafetensorError as error:
            raise OSError(str(error)) from error
        with open(file.name, "r+b") as written:
            seal(written)


def _read(path: Path, device: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise FileError(f"there is no trace file {path}")
    with ENVELOPE.reading(path):
        with path.open("rb") as whole:
            about = ENVELOPE.about(whole, path)
        # By way of the CPU: safetensors knows fewer devices than torch.
        with safe_open(path, framework="pt", device="cpu") as file:
            return about, {name: file.get_tensor(name).to(device) for name in file.keys()}  # noqa: SIM118


def _module_of(about: dict[str, Any], place: int, tensors: dict[str, Tensor]) -> RecordedModule:
    kept = _kept_from_json(about["kept"])
    calls = []
    for number, call in enumerate(about["calls"]):
        start = f"{place}.{number}."
        steps = range(*call["steps"])
        lengths = tensors[f"{start}lengths"]
        found = {q: tensors[start + q] for q in kept.quantities if start + q in tensors}
        if steps and (not found or len(found) < len(kept.quantities)):
            raise KeyError(f"{set(kept.quantities) - set(found)} of {about['name']!r}")
        if any(value.shape[2] != len(steps) for value in found.values()):
            raise ValueError(f"the steps of {about['name']!r} are not those of its arrays")
        parts = [found] if found else []
        calls.append(
            RecordedCall(
                *(parts, lengths, steps, int(call["total"])),
                *(Weights(str(call["weights"])), kept.cell, HostCopies()),
            )
        )
    return RecordedModule(kept, calls)


def _range(steps: range) -> list[int]:
    return [steps.start, steps.stop, steps.step]


def _kept_to_json(kept: Kept) -> dict[str, Any]:
    steps: Any = kept.steps
    if steps is not None:
        steps = [type(steps).__name__, steps.start, steps.stop, steps.step]
    return {
        "cell": kept.cell,
        "quantities": list(kept.quantities),
        "units": None if kept.units is None else list(kept.units),
        "steps": steps,
        "proj_size": kept.proj_size,
    }


def _kept_from_json(about: dict[str, Any]) -> Kept:
    units, given = about["units"], about["steps"]
    steps: Steps | None = None
    if given is not None:
        steps = {"slice": slice, "range": range}[given[0]](*given[1:])
    numbers = None if units is None else tuple(map(int, units))
    named = tuple(about["quantities"])
    return Kept(str(about["cell"]), named, numbers, steps, int(about["proj_size"]))
