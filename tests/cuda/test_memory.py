"""Every figure of memory of a model on a GPU, against the same model on the CPU."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gatewise as gw
from gatewise import memory

B, T, I = 6, 12, 2  # noqa: E741


class Net(nn.Module):
    """Reads the last step of a recurrent module."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.rnn = nn.LSTM(I, 5, batch_first=True, **options)
        self.head = nn.Linear(10 if options.get("bidirectional") else 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def _net(**options: Any) -> Net:
    torch.manual_seed(0)
    return Net(**options).double()


def _x(seed: int = 0) -> Tensor:
    return torch.randn(B, T, I, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


BY_RUNNING = {
    "ablation": lambda model, x, y: memory.ablation(model, x, at=6, time=1),
    "connectivity": lambda model, x, y: memory.connectivity(model, x, time=1),
    "context_need": lambda model, x, y: memory.context_need(model, x, y, time=1),
    "highway": lambda model, x, y: memory.highway(model, x, max_lag=4),
    "highway estimated": lambda model, x, y: memory.highway(
        model, x, max_lag=4, method="estimate", probes=8
    ),
    "horizon": lambda model, x, y: memory.horizon(model, x, max_lag=5, resamples=3, time=1),
    "idle_units": lambda model, x, y: memory.idle_units(model, x, y, time=1),
    "importance": lambda model, x, y: memory.importance(model, x, y, repeats=2, time=1),
    "integrated_gradients": lambda model, x, y: memory.integrated_gradients(
        model, x, points=3, time=1
    ),
    "probe_model": lambda model, x, y: memory.probe_model(
        model, x, x[..., 0].cumsum(1), networks=1, lags=2, folds=3, time=1
    ),
    "transplant": lambda model, x, y: memory.transplant(model, x, at=6, time=1),
}
BY_RECORD = {
    "gate_timescale": memory.gate_timescale,
    "ledger": memory.ledger,
    "redundancy": memory.redundancy,
    "retention": lambda gates: memory.retention(gates, start=2, stop=9),
    "retention_curve": memory.retention_curve,
    "saturation": memory.saturation,
    "state_health": memory.state_health,
    "still_units": memory.still_units,
    "traffic": memory.traffic,
}


def _assert_same(found: Any, wanted: Any) -> None:
    """Assert that two results hold the same figures."""
    assert type(found) is type(wanted)
    figures = [_figures(each) for each in (found, wanted)]
    assert figures[0].keys() == figures[1].keys()
    assert figures[0]
    for name, value in figures[0].items():
        np.testing.assert_allclose(value, figures[1][name], rtol=1e-6, atol=1e-8, err_msg=name)


def _figures(result: Any, name: str = "") -> dict[str, Any]:
    """Return all numbers in a result by the path of their fields."""
    found: dict[str, Any] = {}
    if dataclasses.is_dataclass(result):
        parts = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    elif isinstance(result, Mapping):
        parts = dict(result)
    elif isinstance(result, tuple | list):
        parts = dict(enumerate(result))
    elif isinstance(result, np.ndarray) and result.dtype.kind in "fiu":
        return {name: result}
    else:
        return {name: result} if isinstance(result, int | float) else {}
    for own, part in parts.items():
        found |= _figures(part, f"{name}.{own}")
    return found


@pytest.mark.parametrize("measure", BY_RUNNING)
def test_what_runs_the_model(measure: str, device: str) -> None:
    model, x = _net(), _x()
    y = x.sum(dim=1)[:, :1]
    wanted = BY_RUNNING[measure](model, x, y)
    found = BY_RUNNING[measure](copy.deepcopy(model).to(device), x.to(device), y.to(device))
    _assert_same(found, wanted)


def test_the_share_of_each_direction(device: str) -> None:
    model, x = _net(bidirectional=True), _x()
    wanted = memory.direction_share(model, x, time=1)
    _assert_same(memory.direction_share(model.to(device), x.to(device), time=1), wanted)


@pytest.mark.parametrize("measure", BY_RECORD)
def test_what_reads_a_record(measure: str, device: str) -> None:
    model, x = _net(), _x()
    records = []
    for where in ("cpu", device):
        own = copy.deepcopy(model).to(where)
        with torch.no_grad(), gw.trace(own) as trace:
            own(x.to(where))
        records.append(trace["rnn"])
    wanted, found = (BY_RECORD[measure](record) for record in records)
    _assert_same(found, wanted)


def test_a_watched_training(device: str) -> None:
    results = []
    for where in ("cpu", device):
        model, x = _net().to(where), _x().to(where)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with memory.training_drift(model) as watch:
            for _ in range(2):
                for _ in range(3):
                    optimizer.zero_grad()
                    model(x).square().mean().backward()
                    optimizer.step()
                watch.epoch()
        results.append(watch.result())
    _assert_same(*results[::-1])


def test_lengths_beside_the_input(device: str) -> None:
    class Ragged(Net):
        def forward(self, x: Tensor, lengths: Tensor) -> Tensor:  # type: ignore[override]
            packed = nn.utils.rnn.pack_padded_sequence(
                x, lengths.cpu(), batch_first=True, enforce_sorted=False
            )
            return self.head(self.rnn(packed)[1][0][-1])

    torch.manual_seed(0)
    model, x = Ragged().double(), _x()
    lengths = torch.tensor([12, 7, 9, 12, 5, 8])
    results = []
    for where in ("cpu", device):
        own, given = copy.deepcopy(model).to(where), (x.to(where), lengths.to(where))
        results.append(memory.horizon(own, given, max_lag=3, resamples=2, time=1))
    _assert_same(*results[::-1])


def test_it_is_explained_in_the_same_words(device: str, tmp_path: Any) -> None:
    model, x = _net(), _x()
    y = x.sum(dim=1)[:, :1]
    wanted = gw.explain(model, x, y, time=1, budget=1)
    found = gw.explain(model.to(device), x.to(device), y.to(device), time=1, budget=1)
    assert str(found) == str(wanted)
    found.write_page(tmp_path / "page.html")
