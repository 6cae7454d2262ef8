"""Checks of a sequence model's file, before anything is built from it.

Every size that its description claims must be that of its tensors, so that a small file can neither
claim terabytes nor load for hours; every weight must be a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args

import numpy as np

from gatewise.data.sequences.labelled import PARTS
from gatewise.estimators.sequences.form import Form, LabelType, Scaling
from gatewise.estimators.sequences.options import SequenceOptions
from gatewise.training.history import History
from gatewise.typing import Arrays

ENGINES = ("native", "torch", "reference")
_RECURRENT = re.compile(r"layers\.(\d+)\.weight_hh_l0$")


def _is_history(value: Any) -> bool:
    known = {field.name for field in fields(History)}
    if not isinstance(value, dict) or set(value) != known:
        return False
    lists = all(_are_numbers(value[name]) for name in ("train", "validation", "learning_rate"))
    whole = ("seed", "kept_epoch", "round_steps", "steps")
    return lists and all(type(value[name]) is int for name in whole)


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) in (int, float) for item in value)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _are_histories(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_history, value))


def _is_form(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("label_type") not in get_args(LabelType):
        return False
    vocabulary = value.get("vocabulary")
    symbols = vocabulary is None or (
        isinstance(vocabulary, dict) and _are_texts(vocabulary.get("symbols"))
    )
    named = all(_are_texts(value.get(name)) for name in ("columns", "classes", "targets"))
    return symbols and named and (vocabulary is None) == bool(value["columns"])


def _is_data(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("sha256"), str):
        return False
    parts = value.get("parts")
    return (
        value.get("scored") in PARTS
        and isinstance(parts, dict)
        and set(parts) == set(PARTS)
        and all(type(count) is int for count in parts.values())
    )


def _is_refit(value: Any) -> bool:
    if value is None:
        return True
    named = isinstance(value, dict) and set(value) == {"histories", "sequences"}
    return named and _are_histories(value["histories"]) and type(value["sequences"]) is int


_ENTRIES: dict[str, Callable[[Any], bool]] = {
    "settings": lambda value: isinstance(value, dict),
    "asked": lambda value: isinstance(value, dict),
    "form": _is_form,
    "histories": _are_histories,
    "engine": lambda value: value in ENGINES,
    "learnt": lambda value: isinstance(value, dict),
    "data": _is_data,
}


def check_entries(
    about: dict[str, Any], options: type[SequenceOptions], needed: tuple[str, ...]
) -> None:
    """Raise ValueError unless the description has every entry, each of the right type.

    `needed` are options without which another default would give another prediction.
    """
    for name, allowed in _ENTRIES.items():
        _require(name in about and allowed(about[name]), f"its {name!r} is missing or of no use")
    _require(_is_refit(about.get("refitted")), "its refit is of no use")
    known = {field.name for field in fields(options)}
    for name in ("settings", "asked"):
        strange = sorted(set(about[name]) - known)
        _require(not strange, f"{str(strange[:1])[:60]} is among its {name}")
    for name in needed:
        _require(name in about["settings"], f"its settings lack {name!r}")


def check_form(settings: SequenceOptions, form: Form) -> None:
    """Raise ValueError for classes, columns or targets that are there twice, or not at all."""
    _require(bool(form.classes) != bool(form.targets), "there is nothing that it predicts")
    _require(form.vocabulary is None or settings.noise == 0, "it adds noise to symbols")
    for names in (form.columns, form.classes, form.targets):
        _require(len(set(names)) == len(names), "a name is there twice")
    form.labels()


def check_scaling(settings: SequenceOptions, form: Form, scaling: Scaling | None) -> None:
    """Raise ValueError unless there is a scaling where there is something to scale, of its size."""
    wanted = form.vocabulary is None and settings.scale != "none"
    _require(wanted == (scaling is not None), "its scaling is missing, or scales nothing")
    if scaling is not None:
        scaling.check(len(form.columns))


def check_sizes(
    settings: SequenceOptions, inputs: int, arrays: Arrays, kinds: tuple[str, ...]
) -> None:
    """Raise ValueError unless the tensors bear out the sizes in `settings`.

    `inputs` is what the first layer reads of a step; `kinds` of networks, such as "member".
    """
    check_weights(arrays, settings.members, kinds)
    for member in {name.split(".")[0] for name in arrays if name.startswith(kinds)}:
        recurrent = {
            match[1]: name
            for name in arrays
            if name.startswith(f"{member}.") and (match := _RECURRENT.search(name))
        }
        count = len(recurrent)
        _require(count == settings.num_layers, f"it has the weights of {count} layers")
        _require("0" in recurrent, "its layers are not numbered")
        units = _shape(arrays, recurrent["0"])[1] * settings.heads
        _require(units == settings.hidden_size, f"its weights are for {units} units")
        read = _shape(arrays, recurrent["0"].replace("weight_hh", "weight_ih"))[1]
        _require(read == inputs, f"its weights are for {read} inputs, not {inputs}")


def check_weights(arrays: Arrays, members: int, kinds: tuple[str, ...]) -> None:
    """Raise ValueError unless there are as many members as the settings claim, all of numbers."""
    for kind in kinds:
        found = {name.split(".")[0] for name in arrays if name.startswith(f"{kind}-")}
        _require(len(found) == members, f"it has {len(found)} members' weights, not {members}")
    for name, array in arrays.items():
        if name.startswith(tuple(f"{kind}-" for kind in kinds)):
            whole = array.dtype == np.float32 and bool(np.isfinite(array).all())
            _require(whole, f"{name} holds a value that is no float32 number")


def _shape(arrays: Arrays, name: str) -> tuple[int, ...]:
    shape = arrays[name].shape
    _require(len(shape) == 2, f"{name} has the shape {shape}")
    return shape


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise ValueError(reason)
