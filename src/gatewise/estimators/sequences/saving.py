"""A sequence model's file: weights, form and scaling, and what its estimator learnt beside.

Everything that the description claims is checked against the tensors before anything is built from it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gatewise.cells import CELLS
from gatewise.errors import FileError, nearest
from gatewise.estimators.options import EstimatorOptions
from gatewise.estimators.saving import (
    histories_from_json,
    histories_to_json,
    read_model,
    under,
    weights_of,
    within,
    write_model,
)
from gatewise.estimators.sequences.form import Form, Scaling
from gatewise.estimators.sequences.model import Refitted, SequenceModel, width_read
from gatewise.estimators.sequences.model_checks import (
    check_entries,
    check_form,
    check_scaling,
    check_sizes,
)
from gatewise.estimators.sequences.network import SequenceNetwork
from gatewise.estimators.sequences.options import SequenceOptions
from gatewise.estimators.weights import load_weights
from gatewise.files import Envelope
from gatewise.training.distributed import local_device
from gatewise.training.task import TrainableNetwork
from gatewise.typing import Arrays

L = TypeVar("L")
N = TypeVar("N", bound=TrainableNetwork)
S = TypeVar("S", bound=EstimatorOptions)
REFIT = "refit"
"""What the weights of networks that were refitted on all data are under."""

Build = Callable[[SequenceOptions, Form, str], SequenceNetwork]
"""Settings, form and engine to an untrained network."""


def save_model(
    model: SequenceModel[Any],
    path: Path,
    envelope: Envelope,
    learnt: tuple[dict[str, Any], Arrays],
) -> None:
    """Write the model to `path`, whole or not at all. Equal models give equal bytes."""
    said, arrays = learnt
    arrays = {**weights_of(model.networks), **under("learnt", arrays)}
    if model.scaling is not None:
        arrays |= under("scaling", model.scaling.arrays())
    refitted = model.refitted
    if refitted is not None:
        arrays |= weights_of(refitted.networks, REFIT)
    about = {**about_model(model), "form": model.form.to_json(), "learnt": said}
    if refitted is not None:
        about["refitted"] = {
            "histories": histories_to_json(refitted.histories),
            "sequences": refitted.sequences,
        }
    write_model(path, envelope, about, arrays)


def load_model(
    path: Path,
    envelope: Envelope,
    device: str,
    *,
    options: type[SequenceOptions],
    needed: tuple[str, ...],
    build: Build,
    learnt_from: Callable[[dict[str, Any], Arrays, Form], L],
) -> SequenceModel[L]:
    """Return the model that `save_model` wrote, its networks on `device`.

    `needed` are options without which another default would give another prediction.
    Raises FileError for a file that is missing, cut short, damaged, foreign, or from a newer version,
    and for a model of a cell that is not registered.
    """
    about, arrays = read_model(path, envelope)
    check_cell(about.get("settings"), path)
    with envelope.unpacking(path):
        check_entries(about, options, needed)
        settings, asked = options_of_model(about, options, device)
        form = Form.from_json(about["form"])
        again = about.get("refitted")
        check_form(settings, form)
        scaling = _scaling(arrays)
        check_scaling(settings, form, scaling)
        kinds = ("member",) if again is None else ("member", REFIT)
        # before any network is made: a small file could claim terabytes
        check_sizes(settings, width_read(settings, form), arrays, kinds)

        networks = partial(
            networks_of, arrays, settings, lambda: build(settings, form, about["engine"])
        )
        members = networks()
        # last, so that what the tensors tell against is told by what it is
        _check_settled(settings, asked)
        return SequenceModel(
            settings=settings,
            asked=asked,
            form=form,
            scaling=scaling,
            networks=members,
            histories=histories_from_json(about["histories"]),
            engine=about["engine"],
            learnt=learnt_from(about["learnt"], within("learnt", arrays), form),
            data=about["data"],
            refitted=again
            and Refitted(
                networks(name=REFIT), histories_from_json(again["histories"]), again["sequences"]
            ),
        )


def about_model(model: Any) -> dict[str, Any]:
    """Return what the file of any model of sequences or texts says of it, which `read_model` checks."""
    return {
        "settings": model.settings.to_json(),
        "asked": model.asked.to_json(),
        "histories": histories_to_json(model.histories),
        "engine": model.engine,
        "data": model.data,
    }


def options_of_model(about: dict[str, Any], options: type[S], device: str) -> tuple[S, S]:
    """Return the settled options of a model's file, and those that were given, for use on `device`."""
    found = [options.from_saved(about[name]) for name in ("settings", "asked")]
    for each in found:
        each.check_options()
        each.device = device  # where it was fitted says nothing about where it is used
    return found[0], found[1]


def networks_of(
    arrays: Arrays, settings: EstimatorOptions, build: Callable[[], N], name: str = "member"
) -> tuple[N, ...]:
    """Return the networks of all members in a model's file, ready to answer; `build` makes one."""
    made = []
    for member in range(settings.members):
        network = build()
        load_weights(network, within(f"{name}-{member}", arrays))
        made.append(network.to(local_device(settings.device)).eval())
    return tuple(made)


def _check_settled(settings: SequenceOptions, asked: SequenceOptions) -> None:
    """Raise ValueError where an option that was given is another one among those that were settled."""
    for name, given in asked.get_params().items():
        if given is not None and name != "device" and getattr(settings, name) != given:
            raise ValueError(f"{name} is {getattr(settings, name)!r}, and was given as {given!r}")


def _scaling(arrays: Arrays) -> Scaling | None:
    found = within("scaling", arrays)
    return Scaling(**found) if found else None


def check_cell(settings: Any, path: Path) -> None:
    """Raise FileError for a cell that somebody registered where the model was fitted, and not here."""
    cell = settings.get("cell") if isinstance(settings, dict) else None
    known = ("rnn", *CELLS)
    if isinstance(cell, str) and cell not in known:
        raise FileError(
            f"the model {path} was fitted with the cell {cell!r}, which is not registered here; first "
            f"import what puts it into gatewise.cells.CELLS.{nearest(cell, known)}"
        )
