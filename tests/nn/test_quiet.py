"""Models run with random numbers that are lent: nobody else's are changed, on no device."""

from __future__ import annotations

import pytest
import torch

import gatewise as gw
from gatewise.nn.quiet import lent_generator, quiet


def test_what_is_lent_is_put_back_and_other_devices_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def everywhere(seed: int) -> None:
        raise AssertionError("this seeds the generators of all devices")

    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5))
    rnn, x = gw.LSTM(2, 3, batch_first=True), torch.randn(4, 12, 2)
    before = torch.get_rng_state()
    monkeypatch.setattr(torch, "manual_seed", everywhere)
    with lent_generator(5):
        drawn = torch.rand(3)
    with lent_generator(5):
        assert torch.equal(torch.rand(3), drawn)
    with quiet(model):
        model(torch.ones(1, 2))
    gw.memory.probe_model(rnn, x, x[..., 0], networks=1, lags=2, folds=3, time=1)
    assert torch.equal(torch.get_rng_state(), before)
