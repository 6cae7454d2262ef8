"""Small results of every kind, computed by the package on models without training."""

from __future__ import annotations

from functools import cache

import torch

import gatewise as gw
from gatewise import memory
from gatewise.memory.result import Result

STEPS, ROWS, UNITS = 12, 12, 4


class Model(torch.nn.Module):
    """An LSTM of two layers, read at every step."""

    def __init__(self, bidirectional: bool = False) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(
            3, UNITS, num_layers=2, batch_first=True, bidirectional=bidirectional
        )
        self.head = torch.nn.Linear(UNITS * (2 if bidirectional else 1), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0])


@cache
def results() -> dict[str, Result]:
    """Return a result for each function of `gatewise.memory` that has a panel, by its name."""
    torch.manual_seed(0)
    model, both = Model(), Model(bidirectional=True)
    x = torch.randn(ROWS, STEPS, 3)
    # Targets that each model knows something of, so that there is a score to take shares of.
    off = x.cumsum(dim=1)[:, :, :1]
    y, of_both = (one(x).detach() + 0.2 * one(x).detach().std() * off for one in (model, both))
    with torch.no_grad(), gw.trace(model) as trace:
        model(x)
    gates = trace["lstm"]
    watch = memory.TrainingDrift(model)
    for _ in range(3):
        model(x).square().mean().backward()
        model.zero_grad()
        watch.epoch()
    return {
        "horizon": memory.horizon(model, x),
        "context_need": memory.context_need(model, x, y),
        "highway": memory.highway(model, x),
        "gate_timescale": memory.gate_timescale(gates),
        "saturation": memory.saturation(gates),
        "idle_units": memory.idle_units(model, x, y),
        "importance": memory.importance(model, x, y),
        "integrated_gradients": memory.integrated_gradients(model, x),
        "retention_curve": memory.retention_curve(gates),
        "traffic": memory.traffic(gates),
        "ledger": memory.ledger(gates),
        "connectivity": memory.connectivity(model, x, at=[3, 11]),
        "redundancy": memory.redundancy(gates),
        "transplant": memory.transplant(model, x, at=6),
        "ablation": memory.ablation(model, x, at=6),
        "probe": memory.probe(gates.cell[-1, 0], y[:, :, 0].T, inputs=x.transpose(0, 1), lags=2),
        "direction_share": memory.direction_share(both, x, of_both),
        "state_health": memory.state_health(gates, reference=gates),
        "training_drift": watch.result(),
    }
