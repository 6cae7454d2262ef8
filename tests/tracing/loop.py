"""The gates of a module by a loop over steps, rows apart: the oracle, sharing no code with gatewise.

Written from the equations in torch's documentation of LSTM, GRU and RNN. Differentiable.
"""

from __future__ import annotations

import torch
from torch import Tensor

ORDER = {
    "LSTM": ("input", "forget", "candidate", "output"),
    "GRU": ("reset", "update", "candidate"),
}


def step_of(kind: str, weights: dict[str, Tensor], x: Tensor, h: Tensor, c: Tensor):
    """Return the gates of one step of one row, `x [I]`, `h [P]`, `c [H]`."""
    zero = x.new_zeros(())
    wx = weights["weight_ih"] @ x + weights.get("bias_ih", zero)
    rh = weights["weight_hh"] @ h + weights.get("bias_hh", zero)
    if kind in ("RNN_TANH", "RNN_RELU"):
        total = wx + rh
        return {"hidden": torch.tanh(total) if kind == "RNN_TANH" else torch.relu(total)}
    a = dict(zip(ORDER[kind], wx.chunk(len(ORDER[kind])), strict=True))
    b = dict(zip(ORDER[kind], rh.chunk(len(ORDER[kind])), strict=True))
    if kind == "GRU":
        r, z = (torch.sigmoid(a[k] + b[k]) for k in ("reset", "update"))
        n = torch.tanh(a["candidate"] + r * b["candidate"])
        return {"reset": r, "update": z, "candidate": n, "hidden": (1 - z) * n + z * h}
    i, f, o = (torch.sigmoid(a[k] + b[k]) for k in ("input", "forget", "output"))
    g = torch.tanh(a["candidate"] + b["candidate"])
    cell = f * c + i * g
    hidden = o * torch.tanh(cell)
    if "weight_hr" in weights:
        hidden = weights["weight_hr"] @ hidden
    return {"forget": f, "input": i, "candidate": g, "output": o, "cell": cell, "hidden": hidden}


def gates_by_loop(
    module: torch.nn.RNNBase,
    x: Tensor,
    hx: tuple[Tensor, ...] | None = None,
    lengths: list[int] | None = None,
    masks: list[Tensor] | None = None,
) -> dict[str, Tensor]:
    """Return each gate `[L, D, T, B, H]` of `x [T, B, I]` in the type of `x`; NaN past a row's end."""
    own = dict(module.named_parameters())
    steps, batch = x.shape[:2]
    ends = lengths or [steps] * batch
    record = []
    for layer in range(module.num_layers):
        if masks and layer:
            x = x * masks[layer - 1]
        sides = []
        for side in range(2 if module.bidirectional else 1):
            end = f"_l{layer}" + ("_reverse" if side else "")
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
            weights = {n: own[n + end].to(x.dtype) for n in names if n + end in own}
            rows = []
            for row in range(batch):
                place = layer * (2 if module.bidirectional else 1) + side
                width = module.proj_size or module.hidden_size
                h, c = x.new_zeros(width), x.new_zeros(module.hidden_size)
                if hx is not None:
                    h, c = hx[0][place, row], hx[-1][place, row]
                times = range(ends[row])
                seen = {}
                for t in reversed(times) if side else times:
                    found = step_of(module.mode, weights, x[t, row], h, c)
                    h, c = found["hidden"], found.get("cell", c)
                    seen[t] = found
                nothing = {k: torch.full_like(v, torch.nan) for k, v in found.items()}
                rows.append([seen.get(t, nothing) for t in range(steps)])
            names = rows[0][0]
            sides.append(
                {k: torch.stack([torch.stack([s[k] for s in r]) for r in rows], 1) for k in names}
            )
        record.append(sides)
        x = torch.cat([side["hidden"] for side in sides], -1).nan_to_num()
    return {
        k: torch.stack([torch.stack([side[k] for side in sides]) for sides in record])
        for k in record[0][0]
    }


def cell_gates_by_loop(cell: torch.nn.RNNCellBase, x: Tensor) -> dict[str, Tensor]:
    """Return each gate `[1, 1, T, B, H]` of a cell called on `x [T, B, I]` step by step from zeros."""
    kind = {"LSTMCell": "LSTM", "GRUCell": "GRU", "RNNCell": "RNN_TANH"}
    weights = {n: p.to(x.dtype) for n, p in cell.named_parameters()}
    rows = []
    for row in range(x.shape[1]):
        h = c = x.new_zeros(cell.hidden_size)
        steps = []
        for t in range(len(x)):
            found = step_of(kind[type(cell).__name__], weights, x[t, row], h, c)
            h, c = found["hidden"], found.get("cell", c)
            steps.append(found)
        rows.append(steps)
    names = rows[0][0]
    return {
        k: torch.stack([torch.stack([s[k] for s in r]) for r in rows], 1)[None, None] for k in names
    }


def assert_near(record, oracle: dict[str, Tensor], dtype: torch.dtype) -> None:
    """Check every element of a record: 1e-12 in float64, 1e-5 in float32 as the issue asks."""
    allowed = {torch.float64: 1e-12, torch.float32: 1e-5}[dtype]
    assert set(record) == set(oracle)
    for name, value in oracle.items():
        mine = record[name].detach()
        assert mine.dtype == dtype, name
        assert mine.shape == value.shape, name
        assert torch.equal(mine.isnan(), value.isnan()), name
        worst = (mine.double() - value.detach().double()).nan_to_num().abs().max()
        assert worst <= allowed, f"{name}: {worst}"
