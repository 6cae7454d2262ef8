"""Fits in threads end as they do alone, and the global generators of the process stay as they are."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import torch

import gatewise as gw
from gatewise.estimators.heads import PointHead, QuantileHead
from gatewise.training.randomness import Purpose, derived_seed, seeded

SETTINGS = [
    {"cell": "lstm", "num_layers": 2, "dropout": 0.3},
    {"cell": "gru", "noise": 0.1, "horizon": 2},
    {"cell": "rnn", "members": 2},
    {"cell": "lstm", "quantiles": (0.1, 0.5, 0.9), "forget_bias": None},
]


def table() -> dict[str, Any]:
    t = np.arange(240)
    wave = np.sin(t / 5) + 0.1 * np.random.default_rng(0).standard_normal(240)
    return {"ds": np.datetime64("2020-01-01") + t, "y": wave, "x": np.cos(t / 7)}


def fitted(changes: dict[str, Any]) -> list[torch.Tensor]:
    """Return the weights, the losses and the predictions of a small fit."""
    import polars  # noqa: PLC0415

    frame = polars.DataFrame(table())
    model = gw.Forecaster(
        target="y", inputs=["x"], lookback=8, hidden_size=6, epochs=2, seed=3, **changes
    )
    model.fit(frame, progress=False)
    found = [w for net in model.fitted_.networks for w in net.state_dict().values()]
    values = model.predict(frame).select(polars.selectors.float()).to_numpy()
    return [*found, torch.from_numpy(np.nan_to_num(values))]


def states() -> tuple[Any, ...]:
    theirs = repr(np.random.get_state())  # noqa: NPY002 - what users' code may draw from
    return torch.get_rng_state().tolist(), theirs, random.getstate()


def test_fits_in_a_pool_are_the_fits_alone_and_draw_from_no_global_generator() -> None:
    before = states()
    alone = [fitted(own) for own in SETTINGS]
    assert states() == before
    for _ in range(3):
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(fitted, SETTINGS))
        assert states() == before
        for one, other in zip(alone, together, strict=True):
            assert all(map(torch.equal, one, other))


def test_another_thread_that_draws_disturbs_no_fit() -> None:
    alone, done = fitted(SETTINGS[0]), Event()

    def draw() -> None:
        while not done.is_set():
            torch.rand(3)

    thread = Thread(target=draw)
    thread.start()
    try:
        assert all(map(torch.equal, alone, fitted(SETTINGS[0])))
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "make",
    [
        lambda: gw.LSTM(3, 4, num_layers=2, bidirectional=True, proj_size=2),
        lambda: gw.GRU(3, 4),
        lambda: gw.RNN(3, 4),
        lambda: PointHead(4, 2),
        lambda: QuantileHead(4, 2, (0.1, 0.5)),
    ],
)
def test_first_weights_are_those_that_torch_draws_from_that_seed(make) -> None:
    torch.manual_seed(derived_seed(5, Purpose.WEIGHTS))
    plain = make()
    before = torch.get_rng_state()
    with seeded(5):
        made = make()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(map(torch.equal, made.parameters(), plain.parameters()))


def test_a_trace_recovers_dropout_while_another_thread_draws() -> None:
    """The masks are drawn again from a generator of the trace, not from the global one."""
    torch.manual_seed(0)
    model, x = torch.nn.LSTM(3, 4, num_layers=3, dropout=0.5), torch.randn(9, 2, 3)
    before = torch.get_rng_state()
    ours = gw.LSTM(3, 4, num_layers=3, dropout=0.5)
    ours.load_state_dict(model.state_dict())
    torch.set_rng_state(before)
    *_, gates = ours(x, return_gates=True)
    torch.set_rng_state(before)
    lent: list[bool] = []
    fork = torch.random.fork_rng
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.random, "fork_rng", lambda *a, **k: lent.append(True) or fork(*a, **k))
        for with_grad in (False, True):
            torch.set_rng_state(before)
            with gw.trace(model, with_grad=with_grad) as record:
                model(x)
            for name, value in gates.items():
                torch.testing.assert_close(record[""][name], value)
    assert not lent
