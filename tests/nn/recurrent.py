"""What the tests of engines and modules share: building modules and inputs, values and gradients.

Sizes: T steps, B rows, I inputs, H hidden units, P projected units. They are odd and different.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import gatewise.nn
from gatewise.cells import CELLS
from gatewise.engines import ENGINES
from gatewise.engines.fused import PASSES
from gatewise.nn.structure import spec_of

T, B, I, H, P = 5, 3, 3, 5, 2  # noqa: E741 - the papers' symbol
LENGTHS = (3, 5, 2)  # unsorted
VARIANTS = ("slstm_clamped", "slstm_exponential")
"""Cells that share the step of another; tests/cells/test_published.py runs them too."""
RUNS = [
    (cell, engine)
    for cell in CELLS
    if cell not in VARIANTS
    for engine in ENGINES
    if engine == "reference" or cell in PASSES or (engine == "native" and CELLS[cell].saved)
]
"""Every cell but the variants, with every engine that can run it."""

STOCK = {
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
    "rnn_tanh": torch.nn.RNN,
    "rnn_relu": torch.nn.RNN,
}


def build(cell: str, input_size: int = I, hidden_size: int = H, **options: Any) -> Any:
    """Build gatewise's module of a registered cell, in float64 unless told otherwise."""
    options.setdefault("dtype", torch.float64)
    if cell not in STOCK:
        return gatewise.nn.Recurrent(cell, input_size, hidden_size, **options)
    if cell.startswith("rnn_"):
        options["nonlinearity"] = cell.removeprefix("rnn_")
    return getattr(gatewise.nn, STOCK[cell].__name__)(input_size, hidden_size, **options)


def stock_of(module: Any) -> Any:
    """Build torch's own module with the arguments and weights of `module`."""
    options: dict[str, Any] = {
        "num_layers": module.num_layers,
        "bias": module.bias,
        "batch_first": module.batch_first,
        "dropout": module.dropout,
        "bidirectional": module.bidirectional,
        "dtype": module.weight_ih_l0.dtype,
    }
    if isinstance(module, torch.nn.RNN):
        options["nonlinearity"] = module.nonlinearity
    if module.proj_size:
        options["proj_size"] = module.proj_size
    stock = STOCK[module.mode.lower()](module.input_size, module.hidden_size, **options)
    stock.load_state_dict(module.state_dict())
    return stock.train(module.training)


def autocast_call(module: Any, x: Any, hx: Any = None, **options: Any) -> Any:
    """Call a module of ours or torch's under autocast to bfloat16.

    On processors where that fails for torch's LSTM, its arguments are cast by hand.
    """
    low = torch.bfloat16
    try:
        with warnings.catch_warnings(), torch.autocast("cpu", dtype=low):
            warnings.filterwarnings("ignore", message="LSTM with projections is not supported")
            return module(x, hx, **options)
    except RuntimeError as error:
        if type(module) is not torch.nn.LSTM or "could not create a primitive" not in str(error):
            raise
    cast = {name: value.to(low) for name, value in module.named_parameters()}
    states = None if hx is None else tuple(state.to(low) for state in hx)
    return torch.func.functional_call(module, cast, (x.to(low), states))


def states_for(module: Any, batch: int | None, seed: int = 1) -> tuple[Tensor, ...]:
    """Draw initial states: `[L*D, B, *]`, or `[L*D, *]` for `batch=None`."""
    generator = torch.Generator().manual_seed(seed)
    layers = module.num_layers * (2 if module.bidirectional else 1)
    sizes = [module.proj_size or module.hidden_size]
    sizes += [module.hidden_size] * (len(spec_of(module).states) - 1)
    shape = (layers,) if batch is None else (layers, batch)
    dtype = module.weight_ih_l0.dtype
    return tuple(
        torch.randn(*shape, size, generator=generator, dtype=torch.float64).to(dtype)
        for size in sizes
    )


def as_hx(states: tuple[Tensor, ...] | None) -> Any:
    """Bring states into the form that torch's modules take."""
    if states is None:
        return None
    return states[0] if len(states) == 1 else states


def as_states(hx: Any) -> tuple[Tensor, ...]:
    """Bring a module's states into a tuple."""
    return (hx,) if isinstance(hx, Tensor) else tuple(hx)


def inputs(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    """Draw standard normal input."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def weighted(tensor: Tensor, seed: int) -> Tensor:
    """Return a random weighting of the elements that are not NaN: a loss that all of them enter."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    kept = torch.where(tensor.isnan(), torch.zeros_like(tensor), tensor)
    return (kept * weights.to(tensor.dtype)).sum()


@dataclass(frozen=True)
class Call:
    """One form of calling a module."""

    form: str  # "dense", "packed", "unbatched"
    state: bool  # whether an initial state is given


def run(module: Any, call: Call, *, gates: bool = False, loss: str = "output") -> dict[str, Tensor]:
    """Call `module` and return every value and every gradient by name.

    `loss` is "output" (output and final states), or a gate's name, or "gates" for all of them.
    """
    dtype = module.weight_ih_l0.dtype
    batch = None if call.form == "unbatched" else B
    x = inputs(T, *([] if batch is None else [B]), I, dtype=dtype)
    own = x.transpose(0, 1) if module.batch_first and call.form != "unbatched" else x
    own = own.clone().requires_grad_()
    states = states_for(module, batch) if call.state else None
    if states is not None:
        states = tuple(state.requires_grad_() for state in states)
    given: Tensor | PackedSequence = own
    if call.form == "packed":
        given = pack_padded_sequence(
            own, torch.tensor(LENGTHS), batch_first=module.batch_first, enforce_sorted=False
        )
    module.zero_grad()
    options = {"return_gates": True} if gates else {}
    output, hx, *extra = module(given, as_hx(states), **options)
    if isinstance(output, PackedSequence):
        output = output.data
    found = {"output": output}
    found.update({f"state {i}": state for i, state in enumerate(as_states(hx))})
    losses = list(found.values())
    if gates:
        found.update({f"gate {name}": value for name, value in extra[0].items()})
        if loss == "gates":
            losses = [extra[0][name] for name in extra[0]]
        elif loss != "output":
            losses = [extra[0][loss]]
    sum(weighted(value, seed) for seed, value in enumerate(losses)).backward()  # type: ignore[union-attr]
    result = {name: value.detach() for name, value in found.items()}
    assert own.grad is not None
    result["d input"] = own.grad
    for i, state in enumerate(states or ()):
        if state.grad is not None:
            result[f"d state {i}"] = state.grad
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            result[f"d {name}"] = parameter.grad.clone()
    return result
