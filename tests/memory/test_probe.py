"""Read-outs of concepts that are, and are not, in the states."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from tests.memory import known
from torch import nn

from gatewise.errors import InputError, OptionError
from gatewise.memory.intervals import MIN_GROUPS
from gatewise.memory.interventions._readout import Blocks, _Ridge
from gatewise.memory.interventions.probe import probe, probe_model

T, B, H = 50, 20, 6


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_concept_that_is_there() -> None:
    c = draws().normal(size=(T, B, H))
    y = c @ np.arange(H) + 3
    found = probe(c, y)
    assert found.r2 == pytest.approx(1, abs=1e-6)
    assert "without controls" in found.reading


def test_a_concept_that_is_there_in_noise() -> None:
    rng = draws()
    c = rng.normal(size=(400, B, 2))
    y = c[..., 0] + rng.normal(size=(400, B))  # half the variance
    found = probe(c, y)
    assert found.low <= 0.5 <= found.high
    assert found.high - found.low < 0.1


@pytest.mark.parametrize("rows", [1, 20])
def test_a_concept_that_is_not_there(rows: int) -> None:
    rng = draws()
    found = probe(rng.normal(size=(300, rows, 40)), rng.normal(size=(300, rows)))
    assert found.r2 < 0.02  # in training it would be 40 / 300 for one row
    found = probe(rng.normal(size=(60, rows, 90)), rng.normal(size=(60, rows)), gap=0)
    assert found.r2 < 0.1


def test_blocks_do_not_leak_what_neighbours_share() -> None:
    """Two random walks have nothing to do with each other, yet any cut at random would say so."""
    rng = draws(3)
    r2 = [
        probe(rng.normal(size=(600, 1, 8)).cumsum(axis=0), rng.normal(size=(600, 1)).cumsum(0)).r2
        for _ in range(8)
    ]
    assert np.median(r2) < 0.2


def test_controls_are_set_beside() -> None:
    rng = draws()
    x = rng.normal(size=(200, B, 1))
    past = np.zeros_like(x)
    past[3:] = x[:-3]
    y = past[..., 0]
    noise = rng.normal(size=(200, B, 4))
    found = probe(np.concatenate([noise, past], axis=2), y, random=[noise], inputs=x, lags=5)
    assert found.r2 == pytest.approx(1, abs=1e-6)
    assert found.lagged == pytest.approx(1, abs=1e-6)
    assert found.random[0] < 0.05
    assert found.gain == pytest.approx(0, abs=1e-6)
    assert "no more than can be had without training" in found.reading
    short = probe(np.concatenate([noise, past], axis=2), y, random=[noise], inputs=x, lags=2)
    assert short.lagged < 0.05
    assert short.gain_low > 0.9
    assert "beyond both controls" in short.reading


def test_padding_and_unknown_steps_are_left_out() -> None:
    rng = draws()
    c = rng.normal(size=(T, B, H))
    y = c.sum(axis=2)
    c[30:, :5] = np.nan
    y[:4, 7] = np.nan
    c[0, 0, 0] = np.inf
    found = probe(c, y)
    assert found.r2 == pytest.approx(1, abs=1e-6)
    assert found.settings["steps"] == T * B - 20 * 5 - 4 - 1


def test_units_that_never_move_are_no_trouble() -> None:
    c = draws().normal(size=(T, B, H))
    c[..., 2] = 1 / 3
    c[..., 4] = 0
    assert probe(c, c[..., 0]).r2 == pytest.approx(1, abs=1e-6)


def test_the_ridge_is_scikit_learns() -> None:
    rng = draws()
    x, y = rng.normal(size=(80, 5)) * [1, 2, 3, 4, 5] + 1, rng.normal(size=80)
    new = rng.normal(size=(7, 5))
    scale = x.std(axis=0)
    for strength in (1e-3, 0.1, 10.0):
        theirs = Ridge(alpha=strength * len(x)).fit(x / scale, y).predict(new / scale)
        ours = _Ridge(x, y).predict(new, np.array([strength]))[0]
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@pytest.mark.parametrize("gap", [0, 3])
def test_blocks_of_time_keep_their_distance(gap: int) -> None:
    blocks = Blocks.of(np.ones((50, 2), dtype=bool), 5, gap, fewest=MIN_GROUPS)
    assert blocks.kind == "time"
    for fold in range(5):
        train, held = blocks.split(fold)
        where = np.flatnonzero(held[:, 0])
        assert list(where) == list(range(10 * fold, 10 * fold + 10))
        trained = np.flatnonzero(train[:, 0])
        near = [t for t in range(50) if min(abs(t - w) for w in where) <= gap]
        assert sorted({*trained, *near}) == list(range(50))
        assert not {*trained} & {*near}


def test_blocks_of_rows() -> None:
    blocks = Blocks.of(np.ones((7, 20), dtype=bool), 5, 4, fewest=MIN_GROUPS)
    assert blocks.kind == "rows"
    train, held = blocks.split(1)
    assert list(np.flatnonzero(held[0])) == [4, 5, 6, 7]
    assert train.sum() == 7 * 16


@pytest.mark.parametrize("source", ["torch", "gatewise"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_a_latch_stores_what_it_latched(source: str, batch_first: bool) -> None:
    task = known.latch(20, rows=40, source=source, batch_first=batch_first)
    x = task.inputs if batch_first else task.inputs.transpose(0, 1)
    y = torch.zeros(40, 60)
    y[:, 39:] = torch.tanh(x[:, 39, :1])  # what the cell holds from then on
    y = y if batch_first else y.T
    found = probe_model(task.model, task.inputs, y, lags=4)
    assert found.r2 == pytest.approx(1, abs=1e-3)
    assert found.random.max() < 0.5
    assert found.lagged < 0.5
    assert found.gain_low > 0.5
    assert "it is stored, beyond both controls" in found.reading
    wrong = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    assert "not stored linearly" in probe_model(task.model, task.inputs, wrong).reading or (
        probe_model(task.model, task.inputs, wrong).r2 < 0.05
    )


def test_the_weights_stay_and_a_layer_can_be_named() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.GRU(2, 3, num_layers=2, bidirectional=True))
    before = {name: own.clone() for name, own in model.state_dict().items()}
    state = torch.get_rng_state()
    x = known.noise(30, 12, 2, seed=0)
    y = model[0](x)[0].detach()[..., 4]  # of the last layer's reverse direction
    found = probe_model(model, x, y)
    assert found.r2 == pytest.approx(1, abs=1e-4)
    assert probe_model(model, x, y, layer=0).r2 < found.r2
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(own, before[name]) for name, own in model.state_dict().items())
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("shape", "options", "error", "message"),
    [
        ((T, B - 1), {}, InputError, r"concept has shape \[50, 19\], but the states \[50, 20, 6\]"),
        ((T, B), {"folds": 2}, OptionError, r"folds at least 3"),
        ((T, B), {"inputs": np.zeros((T - 1, B, 1))}, InputError, r"a control has \[49, 20\]"),
        ((T, B, 1, 1), {}, InputError, r"concept has shape \[50, 20, 1, 1\]; it must be \[T, B\]"),
    ],
)
def test_bad_input(shape: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        probe(draws().normal(size=(T, B, H)), draws().normal(size=shape), **options)


def test_too_little_to_go_by() -> None:
    c = draws().normal(size=(30, 1, H))
    with pytest.raises(InputError, match=r"the concept is the same at every step"):
        probe(c, np.ones((30, 1)), gap=0, folds=3)
    with pytest.raises(InputError, match=r"fold 0 of 5 has 6 known steps"):
        probe(c, c[..., 0])
    with pytest.raises(InputError, match=r"states has shape \[0, 3, 2\]"):
        probe(np.zeros((0, 3, 2)), np.zeros((0, 3)))
    one = probe(np.concatenate([c] * 3), np.concatenate([c[..., 0]] * 3), gap=0)
    assert not math.isnan(one.low)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.GRU(2, 3), nn.GRU(3, 3)

    def forward(self, x: Any) -> Any:
        return self.b(self.a(x)[0])


def test_bad_models() -> None:
    x, y = known.noise(30, 12, 2, seed=0), known.noise(30, 12, seed=1)
    gru = nn.GRU(2, 3)
    with pytest.raises(InputError, match=r"has no state 'cell'; there are reset, update"):
        probe_model(gru, x, y, state="cell")
    with pytest.raises(InputError, match=r"layer=1 is none of the 1 layers"):
        probe_model(gru, x, y, layer=1)
    with pytest.raises(
        InputError, match=r"concept has shape \[12, 30\]; the inputs need \[30, 12\]"
    ):
        probe_model(gru, x, y.T)
    with pytest.raises(InputError, match=r"several recurrent modules, 'a', 'b'"):
        probe_model(Pair(), x, y)
