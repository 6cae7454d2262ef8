"""A batch whose gates would not fit is trained with fewer kept: said in a line, and to the same bits."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import gatewise as gw
from gatewise.errors import GatewiseWarning
from gatewise.nn.modules import GatedModule
from gatewise.training import bounded

LONG = [np.sin(np.arange(60 + 7 * n) * (0.1 + n % 2)).astype(np.float32) for n in range(12)]
LABELS = ["ab"[n % 2] for n in range(12)]

BETWEEN = 100_000
"""Bytes in which a sequence fits, and a batch of all does not."""


def fitted(monkeypatch: pytest.MonkeyPatch, free: int | None, **options: Any) -> gw.Classifier:
    seen = set()
    forward = GatedModule.forward

    def watched(self: GatedModule, *args: Any, **named: Any) -> Any:
        if torch.is_grad_enabled():
            seen.add(self.max_memory)
        return forward(self, *args, **named)

    settings = {"hidden_size": 6, "epochs": 2, "validation": None, "engine": "native", **options}
    model = gw.Classifier(**settings, baselines=["majority"])
    with monkeypatch.context() as patched:
        patched.setattr(GatedModule, "forward", watched)
        patched.setattr(bounded, "free_bytes", lambda: free)
        model.fit(LONG, LABELS, progress=False)
    model.trained_with = seen
    return model


def weights(model: gw.Classifier) -> list[torch.Tensor]:
    return [value for net in model.fitted_.networks for value in net.state_dict().values()]


def test_gates_that_do_not_fit_are_computed_anew_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = fitted(monkeypatch, 10**12)
        unknown = fitted(monkeypatch, None)  # where the system does not tell
    with pytest.warns(GatewiseWarning, match=r"a batch of \d+ sequences of 137 steps take about"):
        bound = fitted(monkeypatch, 10_000)
    assert (plain.trained_with, unknown.trained_with) == ({None}, {None})
    assert bound.trained_with == {"sqrt"}
    for one, other in zip(weights(plain), weights(bound), strict=True):
        assert torch.equal(one, other)
    assert all(layer.max_memory is None for layer in bound.fitted_.networks[0].layers)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (
            {"write_cost": 0.1},
            "a cost on gates needs all of them: use a smaller batch_size or batch_s",
        ),
        ({"engine": "torch"}, "engine='native' can do with less"),
    ],
)
def test_where_that_cannot_help_it_is_said(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], advice: str
) -> None:
    with pytest.warns(GatewiseWarning, match=advice):
        model = fitted(monkeypatch, 10_000, epochs=1, **options)
    assert model.trained_with == {None}


def test_smaller_batches_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fitted(monkeypatch, BETWEEN, epochs=1, batch_steps=140).trained_with == {None}
    with pytest.warns(GatewiseWarning, match="max_memory='sqrt'"):
        fitted(monkeypatch, BETWEEN, epochs=1)


def test_what_is_free_is_less_than_the_machine_has() -> None:
    free = bounded.free_bytes()
    assert free is None or 0 < free < 1 << 50
