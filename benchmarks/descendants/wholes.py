"""Whole layers and models of the packages, before and after `gw.accelerate`."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch

import gatewise as gw
from benchmarks.descendants import packages
from benchmarks.descendants.timing import infer, medians, train

WHOLE = "tirex-ts, whole model"
ROUNDED = 0.1
"""How far a model that rounds to bfloat16 may be from ours, as a part of the largest value."""


def rows_of_table(
    times: int, *, quick: bool, only: str = "", compiled: bool = False
) -> Iterator[str]:
    """Return a row for each layer and model that is installed: the package's own time, and ours.

    Of those whose name has the text `only`. With `compiled` also that of tirex-2's layer as the package
    compiles it on a CPU.
    """
    sizes = {"units": 32} if quick else {}
    batches = (1,) if quick else (1, 64)
    for name, layer in (
        ("tirex-2, sLSTM layer", packages.tirex2_layer(**sizes)),
        ("xlstm, sLSTM layer with its convolution", packages.xlstm_layer(**sizes)),
    ):
        if layer is None or only not in name:
            continue
        for rows in batches:
            x = torch.randn(rows, 64, sizes.get("units", 512))
            for work in (infer, train):
                passes = {"ours": gw.accelerate(copy.deepcopy(layer)), "theirs": layer}
                if compiled and work is infer and name.startswith("tirex-2"):
                    passes["compiled"] = _compiled(layer)
                yield _row(f"{name}, 64 x {rows}", work.__name__, medians(passes, work, x, times))
    small = {"units": 32, "blocks": 2, "feed": 64, "context": 128}
    model = packages.tirex_model(**(small if quick else {}))
    if model is None or only not in WHOLE:
        return
    for rows in batches:
        passes = {
            "ours": _forecaster(gw.accelerate(copy.deepcopy(model))),
            "theirs": _forecaster(model),
        }
        x = packages.contexts(rows, model.config.train_ctx_len)
        found = medians(passes, infer, x, times, {"theirs": ROUNDED})
        yield _row(f"{WHOLE}, one patch, {rows} rows", "infer", found)


def _compiled(layer: Any) -> Any:
    """Return a copy of a layer, compiled as tirex-2 does it with `compile=True`: takes minutes."""
    made = copy.deepcopy(layer)
    made.compile()
    return made


def _forecaster(model: Any) -> Any:
    return lambda x: packages.forecast(model, x)


def _row(what: str, work: str, found: dict[str, float]) -> str:
    theirs, ours = found["theirs"], found["ours"]
    compiled = f"{found['compiled'] / ours:.1f}" if "compiled" in found else ""
    return f"| {what} | {work} | {theirs:.1f} | {ours:.1f} | {theirs / ours:.1f} | {compiled} |"
