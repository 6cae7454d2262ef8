"""Random configurations against the float64 oracle: outputs, states, gates and every gradient.

On a GPU with all that is chosen there; on the CPU a few, in the arrangements that run there too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from tests.cuda.device import ON_CUDA
from tests.engines.cuda.forced import padding
from tests.nn.recurrent import (
    STOCK,
    as_hx,
    as_states,
    build,
    inputs,
    states_for,
    weighted,
)
from tests.tolerances import BFLOAT16, FLOAT32_FLOOR, FLOAT32_MULTIPLE, FLOAT64
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.engines.cuda import launch, padded

FAR = 0.2
"""No yardstick may be as long: where torch is that far off, nothing is compared."""

FORMS = ("dense", "packed", "lengths")
TYPES = (torch.float32, torch.float32, torch.float64, torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Case:
    """A module's options and one call of it."""

    cell: str
    sizes: tuple[int, int, int, int]  # T, B, I, H
    options: dict[str, Any]
    form: str
    dtype: torch.dtype  # float16 and bfloat16: of autocast, on float32
    has_state: bool
    lengths: tuple[int, ...]
    seed: int

    @classmethod
    def draw(cls, seed: int) -> Case:
        draw = random.Random(seed)
        dtype = draw.choice(TYPES)
        # Without a bound, as relu is, float16 is off by as much as there is.
        cells = [cell for cell in STOCK if dtype in TYPES[:3] or cell != "rnn_relu"]
        cell = draw.choice((*cells, "lstm", "lstm"))
        steps, rows = draw.randint(1, 40), draw.randint(1, 5)
        hidden = draw.randint(2, 40)
        options: dict[str, Any] = {
            "num_layers": draw.randint(1, 3),
            "bidirectional": draw.random() < 0.5,
            "bias": draw.random() < 0.5,
        }
        if cell == "lstm" and draw.random() < 0.3:
            options["proj_size"] = draw.randint(1, hidden - 1)
        form = draw.choice(FORMS)
        lengths = [draw.randint(form == "packed", steps) for _ in range(rows)]
        lengths[draw.randrange(rows)] = steps
        sizes = (steps, rows, draw.randint(1, 9), hidden)
        state = draw.random() < 0.5
        return cls(cell, sizes, options, form, dtype, state, tuple(lengths), seed)

    @property
    def is_low(self) -> bool:
        return self.dtype in (torch.float16, torch.bfloat16)

    def module(self, engine: str) -> Any:
        torch.manual_seed(self.seed)
        return build(self.cell, *self.sizes[2:], engine=engine, **self.options)

    def run(
        self, module: Any, device: str, *, gates: bool, exact: bool = False
    ) -> dict[str, Tensor]:
        """Call `module` on `device`; return every value and gradient by name, float64 on the CPU."""
        dtype = torch.float32 if self.is_low else self.dtype
        to = {"device": device, "dtype": torch.float64 if exact else dtype}
        module = module.to(**to)
        x = inputs(*self.sizes[:3], seed=self.seed).to(**to).requires_grad_()
        states = [s.to(**to).detach().requires_grad_() for s in states_for(module, self.sizes[1])]
        hx = as_hx(tuple(states)) if self.has_state else None
        options = {"return_gates": True} if gates else {}
        given: Any = x
        if self.form != "dense" and (self.form == "packed" or type(module) in STOCK.values()):
            lengths = torch.tensor(self.lengths)
            given = pack_padded_sequence(x, lengths, enforce_sorted=False)
        elif self.form == "lengths":
            options["lengths"] = self.lengths
        with torch.autocast(device, self.dtype, enabled=self.is_low and not exact):
            output, ends, *record = module(given, hx, **options)
        if isinstance(output, torch.nn.utils.rnn.PackedSequence):
            output = pad_packed_sequence(output, total_length=self.sizes[0])[0]
        found = {"output": output}
        found |= {f"state {k}": state for k, state in enumerate(as_states(ends))}
        found |= dict(record[0]) if record else {}
        values = {name: value.double().cpu() for name, value in found.items()}
        loss = sum(weighted(value, seed) for seed, value in enumerate(values.values()))
        sources = {"x": x, **dict(module.named_parameters())}
        sources |= {f"start {k}": state for k, state in enumerate(states) if self.has_state}
        gradients = torch.autograd.grad(loss, list(sources.values()), allow_unused=True)
        for name, gradient in zip(sources, gradients, strict=True):
            if gradient is not None:
                values[f"d {name}"] = gradient.double().cpu()
        return {name: value.detach() for name, value in values.items()}


def yardstick(found: dict[str, Tensor], exact: dict[str, Tensor], *, is_low: bool) -> float:
    """Return the worst error of a call's results, on 1 + their values."""
    return max(_error(found[name], exact[name], is_low=is_low) for name in found)


def _error(found: Tensor, exact: Tensor, *, is_low: bool) -> float:
    """Return the largest error on 1 + the value; in short types, on 1 + the largest value."""
    if not found.numel():
        return 0.0
    scale = exact.nan_to_num().abs()
    return float(
        ((found - exact).abs().nan_to_num() / (1 + (scale.max() if is_low else scale))).max()
    )


def assert_all(
    case: Case, found: dict[str, Tensor], exact: dict[str, Tensor], allowed: float
) -> None:
    assert found.keys() == exact.keys()
    for name, value in exact.items():
        assert torch.equal(found[name].isnan(), value.isnan()), (name, case)
        worst = _error(found[name], value, is_low=case.is_low)
        assert worst <= allowed, (name, worst, allowed, case)


def compare(case: Case, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare gatewise's call with gates, and the plain one, to the oracle in float64.

    The yardstick for float32 and shorter types is torch, as everywhere: its pass and its operators, with
    neither kernels nor padding, and its operators step by step.
    """
    oracle, module = case.module("reference"), case.module("auto")
    exact = {gates: case.run(oracle, device, gates=gates, exact=True) for gates in (False, True)}
    allowed = FLOAT64
    if case.dtype is not torch.float64:
        found = [case.run(case.module("reference"), device, gates=True)]
        with monkeypatch.context() as patch:
            patch.setattr(launch, "why_not", lambda _: "left out")
            patch.setattr(padded, "takes", lambda *_: False)
            found.append(case.run(case.module("auto"), device, gates=True))
        worst = max(yardstick(one, exact[True], is_low=case.is_low) for one in found)
        allowed = FLOAT32_MULTIPLE * worst + FLOAT32_FLOOR
        assert allowed < FAR, (allowed, case)
        allowed = max(allowed, BFLOAT16 if case.is_low else 0)
    for gates in (False, True):
        assert_all(case, case.run(module, device, gates=gates), exact[gates], allowed)


@pytest.fixture
def full_float32() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize("device", [pytest.param("cuda", marks=ON_CUDA)])
@pytest.mark.usefixtures("full_float32")
def test_two_hundred_configurations_on_a_gpu(device, seed, monkeypatch) -> None:
    compare(Case.draw(seed), device, monkeypatch)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("seed", range(12))
def test_some_of_them_padded_on_the_cpu(seed, monkeypatch) -> None:
    case = Case.draw(seed)
    if case.form == "dense" or case.is_low:
        pytest.skip("nothing to pad, or in no type of the CPU's")
    padding(monkeypatch)
    compare(case, "cpu", monkeypatch)
