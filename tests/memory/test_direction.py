"""What the directions of known bidirectional networks are worth."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.memory import known
from torch import Tensor, nn

from gatewise.errors import InputError, OptionError
from gatewise.memory.interventions.direction import direction_share


class Reader(nn.Module):
    """Read a share of each direction's last unit."""

    def __init__(self, rnn: nn.Module, forward: float, reverse: float) -> None:
        super().__init__()
        self.rnn, self.parts = rnn, (forward, reverse)

    def forward(self, x: Tensor) -> Tensor:
        y = self.rnn(x)[0] / known.SMALL
        units = y.shape[-1] // 2
        return self.parts[0] * y[..., units - 1 : units] + self.parts[1] * y[..., -1:]


def line(lag: int, source: str) -> Any:
    """Return a GRU that delays by `lag` in both directions."""
    one = known.delay_line(lag, "gru").model.rnn
    both = known.module("gru", 1, lag + 1, source, bidirectional=True)
    with torch.no_grad():
        for name, parameter in one.named_parameters():
            getattr(both, name).copy_(parameter)
            getattr(both, f"{name}_reverse").copy_(parameter)
    return both


@pytest.mark.parametrize("source", ["torch", "gatewise"])
@pytest.mark.parametrize("parts", [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (3.0, 1.0)])
def test_parts_that_are_read(parts: tuple[float, float], source: str) -> None:
    model = Reader(line(3, source), *parts)
    x = known.SMALL * known.noise(20, 40, 1, seed=0)
    found = direction_share(model, x)
    assert found.effect.shape == (2, 20)
    assert found.share == pytest.approx(parts[0] / sum(parts), abs=0.03)
    for n, part in enumerate(parts):
        if part == 0:
            assert (found.effect[n] == 0).all()
    # The forward line delivers nothing in its first three steps, the reverse line in its last.
    assert found.effect[0, :3].max() < 0.2 * max(found.effect[0, 3:].min(), 1e-9) + 0.1
    missing = {(1.0, 0.0): "reverse", (0.0, 1.0): "forward"}.get(parts)
    if missing:
        assert f"the {missing} direction could be dropped" in found.reading
    else:
        assert "both directions count" in found.reading


@pytest.mark.parametrize(
    ("low", "told"),
    [
        ((0.4, 0.01), "both directions count"),
        ((0.4, -0.01), "the reverse direction is not shown to count"),
        ((-0.1, -0.01), "neither direction alone is shown to count"),
        ((math.nan, math.nan), "both directions count"),
    ],
)
def test_a_direction_whose_interval_holds_0_is_not_said_to_count(
    low: tuple[float, float], told: str
) -> None:
    x = known.SMALL * known.noise(12, 20, 1, seed=0)
    found = direction_share(Reader(line(0, "torch"), 0.5, 0.5), x)
    assert told in replace(found, low=np.array(low)).reading


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        ((-6.3, -7.0), (9.1, 6.25), "neither direction alone is shown to count"),
        ((0.9, -7.0), (1.4, 6.25), "the reverse direction is not shown to count"),
        ((0.9, -0.06), (1.4, 0.005), "the reverse direction could be dropped"),
        ((math.nan, math.nan), (math.nan, math.nan), "the reverse direction could be dropped"),
    ],
)
def test_a_direction_is_droppable_only_where_its_whole_interval_is_small(
    low: tuple[float, float], high: tuple[float, float], told: str
) -> None:
    x = known.SMALL * known.noise(12, 20, 1, seed=0)
    found = direction_share(Reader(line(0, "torch"), 0.5, 0.5), x)
    figures = {"relative": (1.23, -0.0466), "low": low, "high": high}
    found = replace(found, **{name: np.array(value) for name, value in figures.items()})
    assert told in found.reading


def test_figures_are_those_of_the_parts() -> None:
    model = Reader(line(3, "torch"), 1.0, 0.5)
    x = known.SMALL * known.noise(20, 40, 1, seed=0)
    found = direction_share(model, x, replace="zero")
    ahead, behind = torch.zeros(20, 40), torch.zeros(20, 40)
    ahead[3:], behind[:-3] = x[:-3, :, 0], x[3:, :, 0]
    np.testing.assert_allclose(found.effect[0], ahead.abs().mean(1) / known.SMALL, atol=1e-3)
    np.testing.assert_allclose(found.effect[1], behind.abs().mean(1) / known.SMALL / 2, atol=1e-3)


def test_with_targets_the_loss_counts() -> None:
    model = Reader(line(0, "torch"), 0.5, 0.5)
    x = known.SMALL * known.noise(12, 40, 1, seed=0)
    targets = x.transpose(0, 1) / known.SMALL
    found = direction_share(model, x, targets, replace="zero")
    # Half the value is lost, so that the error is a quarter of the variance.
    np.testing.assert_allclose(found.relative, 0.25, rtol=0.05)
    assert found.settings["measure"] == "mse"


def test_a_model_that_answers_once() -> None:
    class Ends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.rnn = nn.LSTM(2, 4, num_layers=2, bidirectional=True, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            _, (h, _) = self.rnn(x)
            return h[-2]  # the forward direction's last state

    found = direction_share(Ends(), known.noise(16, 9, 2, seed=0))
    assert found.effect.shape == (2, 1)
    assert found.relative[0] > 0.9
    assert found.relative[1] > 0  # through the first layer
    json.dumps(found.to_dict(), allow_nan=False)


def test_nothing_to_lose() -> None:
    task = known.dead("gru", bidirectional=True)
    found = direction_share(task.model, task.inputs)
    assert math.isnan(found.scale)
    assert "nothing to lose" in found.reading


def test_bad_input() -> None:
    with pytest.raises(InputError, match=r"contains no bidirectional module"):
        direction_share(nn.GRU(2, 2), torch.randn(5, 3, 2))
    model = nn.Sequential(nn.GRU(2, 2))
    with pytest.raises(InputError, match=r"'0' has one direction"):
        direction_share(model, torch.randn(5, 3, 2), module="0")
    both = nn.GRU(2, 2, bidirectional=True)
    with pytest.raises(OptionError, match=r"replace must be 'mean' or 'zero'; got 'none'"):
        direction_share(both, torch.randn(5, 3, 2), replace="none")
