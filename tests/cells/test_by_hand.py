"""Known answers, worked out by hand: sigmoid(log 3) = 3/4 and tanh(log 2) = 3/5, tanh(log 3) = 4/5.

The second half follows the equations for two units and three steps in plain Python numbers, with
every weight different, so that a swapped block, a transposed weight or a misplaced bias shows.
"""

from __future__ import annotations

from math import exp, log, tanh

import pytest
import torch
from tests.nn.recurrent import build

from gatewise.cells import CELLS, Parameters

LOG2, LOG3 = log(2), log(3)
UNUSED = Parameters(torch.empty(0), torch.empty(0))
TINY = 4e-16  # two roundings of a number below 2


def row(*values: float) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


def close(tensor: torch.Tensor, *values: float) -> bool:
    return bool(((tensor - row(*values)).abs() <= TINY).all())


def test_lstm_step() -> None:
    # input, forget, candidate, output: i = 1/4, f = 3/4, g = 3/5, o = 3/4
    wx = row(-LOG3, 2 * LOG3, LOG2 - 1, LOG3 / 4)
    rh = row(0.0, -LOG3, 1.0, 3 * LOG3 / 4)
    # c = 3/4 c0 + 1/4 * 3/5 = log 2 for this c0, so h = 3/4 * 3/5
    c0 = (LOG2 - 0.15) / 0.75
    (h, c), gates = CELLS["lstm"].step(wx, rh, (row(0.0), row(c0)), UNUSED)
    assert close(gates["input"], 0.25)
    assert close(gates["forget"], 0.75)
    assert close(gates["candidate"], 0.6)
    assert close(gates["output"], 0.75)
    assert close(c, LOG2)
    assert close(h, 0.45)
    assert torch.equal(gates["cell"], c)
    assert torch.equal(gates["hidden"], h)


def test_lstm_step_with_projection() -> None:
    # two units: o tanh(c) = (3/4 * 3/5, 1/2 * 4/5); W_hr = (10, -1)
    shut, pre = -1000.0, (LOG3, 0.0)
    wx = row(shut, shut, 1000.0, 1000.0, 0.0, 0.0, *pre)  # i = 0, f = 1
    parameters = Parameters(torch.empty(0), torch.empty(0), W_hr=row(10.0, -1.0))
    (h, c), _ = CELLS["lstm"].step(
        wx, torch.zeros_like(wx), (row(0.0), row(LOG2, LOG3)), parameters
    )
    assert close(c, LOG2, LOG3)
    assert close(h, 4.5 - 0.4)


def test_gru_step_resets_after_the_product() -> None:
    # reset, update, candidate: r = 3/4, z = 1/4; n = tanh(wx + 3/4 * 4 log 2 / 3) = 3/5
    wx = row(2 * LOG3, -2 * LOG3, 0.0)
    rh = row(-LOG3, LOG3, 4 * LOG2 / 3)
    (h,), gates = CELLS["gru"].step(wx, rh, (row(0.2),), UNUSED)
    assert close(gates["reset"], 0.75)
    assert close(gates["update"], 0.25)
    assert close(gates["candidate"], 0.6)
    assert close(h, 0.75 * 0.6 + 0.25 * 0.2)
    assert torch.equal(gates["hidden"], h)


def test_rnn_steps() -> None:
    wx, rh = row(LOG2 + 1, -LOG3), row(-1.0, 0.0)
    (h,), gates = CELLS["rnn_tanh"].step(wx, rh, (row(9.0, 9.0),), UNUSED)
    assert close(h, 0.6, -0.8)
    assert torch.equal(gates["hidden"], h)
    (h,), gates = CELLS["rnn_relu"].step(wx, rh, (row(9.0, 9.0),), UNUSED)
    assert close(h, LOG2, 0.0)
    assert torch.equal(gates["hidden"], h)


def test_mgu_step_forgets_after_the_product() -> None:
    # forget, candidate: f = 3/4; n = tanh(wx + 3/4 * 4 log 2 / 3) = 3/5
    wx, rh = row(2 * LOG3, 0.0), row(-LOG3, 4 * LOG2 / 3)
    (h,), gates = CELLS["mgu"].step(wx, rh, (row(0.2),), UNUSED)
    assert close(gates["forget"], 0.75)
    assert close(gates["candidate"], 0.6)
    assert close(h, 0.25 * 0.2 + 0.75 * 0.6)
    assert torch.equal(gates["hidden"], h)


def test_peephole_lstm_step_looks_at_the_old_cell_twice_and_at_the_new_one_once() -> None:
    # i = 1/4, f = 3/4, g = 3/5 and c = log 2 as in the LSTM above, with p_i = 1, p_f = 2, p_o = 3
    c0 = (LOG2 - 0.15) / 0.75
    wx = row(-LOG3 - c0, LOG3 - 2 * c0, LOG2, LOG3 - 3 * LOG2)
    extra = {"input": row(1.0), "forget": row(2.0), "output": row(3.0)}
    parameters = Parameters(
        torch.empty(0), torch.empty(0), extra={f"peephole_{name}": p for name, p in extra.items()}
    )
    (h, c), gates = CELLS["peephole_lstm"].step(
        wx, torch.zeros_like(wx), (row(0.0), row(c0)), parameters
    )
    assert close(gates["input"], 0.25)
    assert close(gates["forget"], 0.75)
    assert close(gates["candidate"], 0.6)
    assert close(gates["output"], 0.75)
    assert close(c, LOG2)
    assert close(h, 0.45)


def test_slstm_step_keeps_by_weights() -> None:
    # level log 2 and f = 3/4: what is kept weighs 3/2; i~ = -log 2: what is written weighs 1/2
    wx = row(-LOG2, LOG3, LOG2, LOG3)
    state = (row(0.0), row(0.2), row(LOG2))
    (h, u, level), gates = CELLS["slstm"].step(wx, torch.zeros_like(wx), state, UNUSED)
    assert close(gates["keep"], 0.75)
    assert close(gates["write"], 0.25)
    assert close(gates["candidate"], 0.6)
    assert close(gates["output"], 0.75)
    assert close(u, 0.75 * 0.2 + 0.25 * 0.6)
    assert close(level, LOG2)
    assert close(h, 0.75 * 0.3)
    # exponential: f = 3, so 6 is kept beside 1/2
    _, gates = CELLS["slstm_exponential"].step(wx, torch.zeros_like(wx), state, UNUSED)
    assert close(gates["keep"], 12 / 13)
    # clamped: f = sigmoid(15), which shows beside a large level and nothing written
    wx = row(-1000.0, 900.0, LOG2, LOG3)
    (_, _, level), _ = CELLS["slstm_clamped"].step(wx, torch.zeros_like(wx), state, UNUSED)
    assert close(level, LOG2 - log(1 + exp(-15.0)))


def test_layer_norm_lstm_step_scales_what_it_has_normalised() -> None:
    # So large that the 1e-5 under the root is lost: norm makes them 1 and -1.
    big = 1e6
    signs = (
        1.0,
        -1.0,
        1.0,
        -1.0,
        1.0,
        -1.0,
        1.0,
        -1.0,
    )  # input, forget, candidate, output, 2 units
    wx, rh = row(*(3 * big * sign for sign in signs)), row(*(-big * sign for sign in signs))
    # 2 sign - 1 sign + b: i = 1/4, f = 3/4, g = 3/5, o = 3/4 in both units
    wanted = (-LOG3, -LOG3, LOG3, LOG3, LOG2, LOG2, LOG3, LOG3)
    bias = row(*(value - sign for value, sign in zip(wanted, signs, strict=True)))[0]
    ones = row(*(1.0 for _ in signs))[0]
    extra = {
        "gain_ih": 2 * ones,
        "gain_hh": ones,
        "gain_cell": row((LOG2 + LOG3) / 2, (LOG2 + LOG3) / 2)[0],  # log 2 and -log 3 at 1 and -1,
        "shift_cell": row((LOG2 - LOG3) / 2, (LOG2 - LOG3) / 2)[0],  # with the shift
    }
    parameters = Parameters(
        torch.empty(0), torch.empty(0), b_ih=bias, b_hh=torch.zeros_like(bias), extra=extra
    )
    (h, c), gates = CELLS["layer_norm_lstm"].step(
        wx, rh, (row(0.0, 0.0), row(big / 0.75, -big / 0.75)), parameters
    )
    assert close(gates["input"], 0.25, 0.25)
    assert close(gates["forget"], 0.75, 0.75)
    assert close(gates["candidate"], 0.6, 0.6)
    assert close(gates["output"], 0.75, 0.75)
    assert ((c - row(big + 0.15, -big + 0.15)).abs() <= 1e-9).all()
    assert close(h, 0.45, -0.6)


# -- two units, two inputs, three steps, in plain numbers ------------------------------------------

X = [(0.5, -1.0), (1.5, 0.25), (-0.75, 2.0)]
START_H, START_C = (0.3, -0.2), (-0.4, 0.7)


def weight(gate: int, unit: int, column: int, salt: int) -> float:
    """A number for each place of each matrix, all different."""
    return ((gate * 7 + unit * 5 + column * 3 + salt * 11) % 19 - 9) / 10 + gate / 100


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def product(gate: int, unit: int, vector: tuple[float, float], salt: int) -> float:
    """One row of W x + b; the bias is the third column."""
    return (
        weight(gate, unit, 0, salt) * vector[0]
        + weight(gate, unit, 1, salt) * vector[1]
        + weight(gate, unit, 2, salt)
    )


def fill(module: torch.nn.RNNBase, blocks: int) -> None:
    """Put the same numbers where torch keeps them: gate-major rows, the bias apart."""
    with torch.no_grad():
        for salt, end in ((0, "ih"), (1, "hh")):
            for gate in range(blocks):
                for unit in range(2):
                    place = gate * 2 + unit
                    for column in range(2):
                        getattr(module, f"weight_{end}_l0")[place, column] = weight(
                            gate, unit, column, salt
                        )
                    getattr(module, f"bias_{end}_l0")[place] = weight(gate, unit, 2, salt)


def lstm_by_hand() -> list[dict[str, tuple[float, float]]]:
    steps, h, c = [], START_H, START_C
    for x in X:
        pre = [
            [product(gate, unit, x, 0) + product(gate, unit, h, 1) for unit in range(2)]
            for gate in range(4)
        ]
        i = tuple(sigmoid(v) for v in pre[0])
        f = tuple(sigmoid(v) for v in pre[1])
        g = tuple(tanh(v) for v in pre[2])
        o = tuple(sigmoid(v) for v in pre[3])
        c = tuple(f[u] * c[u] + i[u] * g[u] for u in range(2))
        h = tuple(o[u] * tanh(c[u]) for u in range(2))
        steps.append({"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": h})
    return steps


def gru_by_hand() -> list[dict[str, tuple[float, float]]]:
    steps, h = [], START_H
    for x in X:
        r = tuple(sigmoid(product(0, u, x, 0) + product(0, u, h, 1)) for u in range(2))
        z = tuple(sigmoid(product(1, u, x, 0) + product(1, u, h, 1)) for u in range(2))
        n = tuple(tanh(product(2, u, x, 0) + r[u] * product(2, u, h, 1)) for u in range(2))
        h = tuple((1 - z[u]) * n[u] + z[u] * h[u] for u in range(2))
        steps.append({"reset": r, "update": z, "candidate": n, "hidden": h})
    return steps


def rnn_by_hand(kind: str) -> list[dict[str, tuple[float, float]]]:
    steps, h = [], START_H
    for x in X:
        pre = tuple(product(0, u, x, 0) + product(0, u, h, 1) for u in range(2))
        h = tuple(tanh(v) if kind == "tanh" else max(0.0, v) for v in pre)
        steps.append({"hidden": h})
    return steps


BY_HAND = {
    "lstm": lstm_by_hand,
    "gru": gru_by_hand,
    "rnn_tanh": lambda: rnn_by_hand("tanh"),
    "rnn_relu": lambda: rnn_by_hand("relu"),
}


@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
@pytest.mark.parametrize("cell", BY_HAND)
def test_three_steps(cell: str, engine: str) -> None:
    module = build(cell, 2, 2, engine=engine)
    fill(module, len(CELLS[cell].packing))
    hx = row(*START_H)[None]
    if cell == "lstm":
        hx = (hx, row(*START_C)[None])
    x = torch.tensor(X, dtype=torch.float64)[:, None]
    output, _, gates = module(x, hx, return_gates=True)
    for t, expected in enumerate(BY_HAND[cell]()):
        assert set(expected) == set(gates)
        for name, values in expected.items():
            # math.exp and torch's differ by a rounding or two at each of three steps
            assert torch.allclose(gates[name][0, 0, t, 0], row(*values)[0], rtol=0, atol=1e-15), (
                name,
                t,
            )
        assert torch.equal(gates.hidden[0, 0, t], output[t])
