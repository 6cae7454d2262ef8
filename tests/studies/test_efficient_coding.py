"""The optimum, the codec and the blind writers of `efficient-coding` against plain computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studies.efficient_coding import study


@pytest.mark.parametrize("kappa", [0.0, 5.0, 20.0, 40.0, 200.0])
def test_the_optimum_is_where_the_expected_loss_is_least(kappa: float) -> None:
    sizes = np.array([0.5, -0.8, 1.3, -2.0])
    tried = np.linspace(0, 1, 20_001)
    loss = (1 - tried) ** 2 * sizes[:, None] ** 2 / study.JUMPS + kappa * tried
    np.testing.assert_allclose(study.optimal(sizes, kappa), tried[loss.argmin(1)], atol=1e-4)
    assert study.optimal(np.zeros(3), kappa).max() == 0


def test_no_scaled_policy_costs_less_on_the_signal_itself() -> None:
    kappa = 10.0
    draws = torch.Generator().manual_seed(0)
    _, signal, jump = study.batch(500, 300, draws, hidden=True)

    def cost(scale: float) -> float:
        held, total = np.zeros(500), 0.0
        writes = np.minimum(1, scale * study.optimal(jump.double().numpy(), kappa))
        for now, write in zip(signal.double().numpy(), writes, strict=True):
            held = held + write * (now - held)
            total += float((np.square(now - held) + kappa * write).mean())
        return total / 300

    assert cost(1.0) < min(cost(0.8), cost(1.25), cost(0.0))


def test_the_codec_writes_the_value_through_its_gate_and_holds_the_rest() -> None:
    torch.manual_seed(3)
    model = study.Codec()
    seen, _, _ = study.batch(4, 30, torch.Generator().manual_seed(1), hidden=True)
    answer, gate, _ = model(seen)
    held = torch.zeros(4)
    for step in range(30):
        held = held + gate[step] * (seen[step, :, 0] - held)
        torch.testing.assert_close(answer[step], held, rtol=1e-2, atol=1e-3)
    torch.testing.assert_close(gate, model.look(seen)[..., 0].sigmoid())
    assert not any(weight.requires_grad for weight in model.gru.parameters())


def test_the_value_is_hidden_but_at_jumps_and_glimpses() -> None:
    seen, signal, jump = study.batch(200, 200, torch.Generator().manual_seed(2), hidden=True)
    value, shown, change, size = seen.unbind(-1)
    assert bool((shown[jump != 0] == 1).all())
    torch.testing.assert_close(value, signal * shown)
    torch.testing.assert_close(change, torch.diff(signal, dim=0, prepend=torch.zeros(1, 200)))
    assert float((jump != 0).float().mean()) == pytest.approx(study.JUMPS, abs=0.005)
    glimpsed = float(((shown == 1) & (jump == 0)).float().mean())
    assert glimpsed == pytest.approx(study.GLIMPSES * (1 - study.JUMPS), abs=0.005)
    assert study.SMALL <= float(size[size > 0].min()) < float(size.max()) <= study.LARGE


def test_blind_writers_write_as_often_and_hold() -> None:
    for writer in (study.random_writes, study.periodic_writes):
        assert writer((400, 200), 0.07, 0).mean() == pytest.approx(0.07, abs=0.003)
    gaps = np.diff(np.flatnonzero(study.periodic_writes((400, 1), 0.07, 0)[:, 0]))
    assert set(gaps) <= {14, 15}
    signal = np.array([[1.0], [1.0], [3.0], [2.0]])
    writes = np.array([[False], [True], [False], [True]])
    # Held: 0, 1, 1, 2.
    assert study.held_error(signal, writes) == pytest.approx((1 + 0 + 4 + 0) / 4)


def test_the_area_under_the_curve_counts_ties_as_halves() -> None:
    values, flags = np.array([0.1, 0.5, 0.5, 0.9]), np.array([False, True, False, True])
    assert study.auc(values, flags) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
