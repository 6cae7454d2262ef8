"""Costs on gates, to be added to a training loss: what a network writes, keeps, and how hard it decides.

    output, _, gates = lstm(x, lengths=lengths, return_gates=True)
    loss = task_loss(output, y) + 0.01 * gw.penalties.write_cost(gates)

Each is the mean over all valid steps, units, layers and directions of a function of the gates: a
scalar that does not depend on the batch's size or padding, and is differentiable through every
engine. They are penalties on a representation in the sense of Goodfellow, Bengio & Courville 2016
("Deep learning", section 7.10): a price on activity that the task must be worth.

Sizes: L layers, D directions, T steps, B rows, H hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from gatewise.cells import CellSpec
from gatewise.cells.records import cell_of, names_in
from gatewise.errors import InputError, OptionError, nearest
from gatewise.nn.structure import parameters_of, spec_of

__all__ = ["forget_cost", "saturation_cost", "write_cost", "write_cost_of"]

Record = Mapping[str, Tensor]
"""Gates as `return_gates=True` gives them: of a module `[L, D, T, B, H]` each, or `[L, D, T, H]`; of a
cell `[B, H]` or `[H]`."""

On = Literal["gate", "content"]


def write_cost(gates: Record, *, on: On = "gate") -> Tensor:
    """Return the mean of what is written to the state at each step; 0 where nothing ever is.

    Args:
        gates: A record of an LSTM or GRU, with its graph.
        on: "gate": the write gate, i for the LSTM, 1 - z for the GRU, between 0 and 1. "content":
            the absolute value of what it lets in, `|i g|` or `|(1 - z) n|`, an L1 penalty, which
            leaves a gate open for nothing free of charge.

    Raises InputError for a record without such gates, such as an RNN's, OptionError for `on`.
    """
    if not isinstance(on, str) or on not in ("gate", "content"):
        raise OptionError(
            f"on must be 'gate' or 'content'; got {on!r}.{nearest(str(on), ('gate', 'content'))}"
        )
    spec = _spec_of(gates, "write_cost")
    gate = _valid(gates, spec.write_gate or str(spec.keep_gate))
    written = gate if spec.write_gate else 1 - gate
    if on == "content":
        written = (written * _valid(gates, spec.content)).abs()
    return _mean(gates, written)


def write_cost_of(
    module: torch.nn.RNNBase,
    input: Tensor,
    output: Tensor,
    hx: Tensor | tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Return `write_cost` of a pass that kept no gates, from what it read and what it gave out.

    This is for `max_memory`, beside which there is no record: the gate is a function of the input and of
    the state before, and its gradient goes their ways, as it does from a record.

        output, _ = lstm(x)  # with lstm.max_memory = "sqrt"
        loss = task_loss(output, y) + 0.01 * gw.penalties.write_cost_of(lstm, x, output)

    Args:
        module: An LSTM or GRU of one layer and one direction, torch's or gatewise's.
        input: What it read: `[T, B, I]`, or as `batch_first` says.
        output: What it returned for that, `[T, B, H]`, with its graph.
        hx: The state that it began with, as it was given; None: zeros.

    Raises InputError for another module, and for an output that is not that of the input.
    """
    spec = _one_pass(module, input, output)
    if module.batch_first and input.dim() == 3:
        input, output = input.transpose(0, 1), output.transpose(0, 1)  # noqa: A001 - torch's name
    parameters = parameters_of(module, "_l0")
    rows = spec.slice(spec.write_gate or str(spec.keep_gate), module.hidden_size)
    biases = [one[rows] for one in (parameters.b_ih, parameters.b_hh) if one is not None]
    bias = torch.stack(biases).sum(0) if biases else None
    weights = (parameters.W_ih[rows], parameters.W_hh[rows], bias)
    gates = output.numel() // output.shape[-1] * module.hidden_size
    if not gates:
        return output.sum()
    first = hx[0] if isinstance(hx, tuple) else hx
    before = output.new_zeros(output[:1].shape) if first is None else first.expand(output[:1].shape)
    opened = _opened(input[:1], before, *weights)
    # One `split` of the whole output gives the states before all blocks, and so its gradient is put
    # together once; slices would each have one as large as the output, of zeros but for themselves.
    size = max(1, _BLOCK * len(input) // gates)
    sizes = [min(size, len(input) - 1 - at) for at in range(0, len(input) - 1, size)]
    _, *inputs = torch.split(input, [1, *sizes])
    *states, _ = torch.split(output, [*sizes, 1])
    for x, h in zip(inputs, states, strict=True):
        opened = opened + _anew(x, h, weights)
    mean = opened / gates
    return mean if spec.write_gate else 1 - mean


_BLOCK = 2**22
"""Gates of which `write_cost_of` has arrays at once: all of a long sequence may be what memory lacks."""


def _opened(x: Tensor, h: Tensor, weight: Tensor, recurrent: Tensor, bias: Tensor | None) -> Tensor:
    """Return the sum of a gate over steps, rows and units, from input and state before `[T, B, ...]`."""
    gate = torch.nn.functional.linear(x, weight, bias)
    gate += torch.nn.functional.linear(h, recurrent)
    return gate.sigmoid_().sum()


def _anew(x: Tensor, h: Tensor, weights: tuple[Tensor, Tensor, Tensor | None]) -> Tensor:
    """Return `_opened`, of which the backward pass keeps nothing and computes it again."""
    if not torch.is_grad_enabled():
        return _opened(x, h, *weights)
    opened: Tensor = checkpoint(
        *(_opened, x, h, *weights),
        use_reentrant=False,
        preserve_rng_state=False,
        determinism_check="none",
    )
    return opened


def _one_pass(module: object, input: Tensor, output: Tensor) -> CellSpec:
    """Return the equations of a module whose gates follow from input and output, or raise InputError."""
    recurrent = isinstance(module, torch.nn.LSTM | torch.nn.GRU)
    if not recurrent or module.num_layers > 1 or module.bidirectional:  # type: ignore[attr-defined]
        raise InputError(
            "write_cost_of: module must be an LSTM or GRU of one layer and one direction, because what "
            f"lies between layers is not in the output; got {str(module).splitlines()[0]:.80}. Use "
            "return_gates=True and write_cost"
        )
    assert isinstance(module, torch.nn.LSTM | torch.nn.GRU)
    width = getattr(module, "proj_size", 0) or module.hidden_size
    tensors = isinstance(input, Tensor) and isinstance(output, Tensor)
    if not tensors or output.shape != (*input.shape[:-1], width):
        got = [
            list(one.shape) if isinstance(one, Tensor) else type(one).__name__
            for one in (input, output)
        ]
        raise InputError(
            "write_cost_of: output must be what the module returned for input, with its steps and rows "
            f"and {width} units; got input {got[0]} and output {got[1]}"
        )
    return spec_of(module)


def forget_cost(gates: Record, *, timescale: float | Tensor | None = None) -> Tensor:
    """Return how far the gate that keeps is from open, or from the one of a timescale.

    Without a timescale it is the mean of 1 - f (1 - z for the GRU). With one it is the mean of
    `(f - exp(-1 / timescale))^2`: a gate that stays at exp(-1 / tau) lets what is held decay by a
    factor e in tau steps (Tallec & Ollivier 2018, "Can recurrent neural networks warp time?",
    section 2).

    Args:
        gates: A record of an LSTM or GRU, with its graph.
        timescale: In steps, above 0; one for all units, or a tensor `[H]` with each unit's own.

    Raises InputError for a record without such a gate and a timescale that does not fit.
    """
    spec = _spec_of(gates, "forget_cost")
    gate = _valid(gates, spec.keep_gate or str(spec.write_gate))
    keep = gate if spec.keep_gate else 1 - gate
    if timescale is None:
        return _mean(gates, 1 - keep)
    return _mean(gates, (keep - _kept(timescale, keep)).square())


def saturation_cost(gates: Record, *, margin: float = 0.1) -> Tensor:
    """Return how deep the sigmoid gates are in saturation: 0 where all lie between the margins.

    The mean over the gates (LSTM: input, forget, output; GRU: reset, update) of the square of their
    distance below `margin` or above 1 - `margin`, in margins: 1 for a gate that is fully shut or
    open. The margins of 0.1 are those of Karpathy, Johnson & Li 2015 ("Visualizing and
    understanding recurrent networks", section 4.2). A saturated gate passes next to no gradient, so
    the cost keeps gates from saturating better than it frees those that have.

    Args:
        gates: A record of an LSTM or GRU, with its graph.
        margin: Above 0, at most 0.5.

    Raises InputError for a record without such gates, OptionError for the margin.
    """
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin <= 0.5:
        raise OptionError(f"margin must be a number above 0 and at most 0.5; got {margin!r}")
    spec = _spec_of(gates, "saturation_cost")
    values = [_valid(gates, name) for name in spec.fractions]
    depths = [((value - 0.5).abs() - (0.5 - margin)).clamp(min=0) for value in values]
    return torch.stack([_mean(gates, (depth / margin).square()) for depth in depths]).mean()


def _spec_of(gates: Record, caller: str) -> CellSpec:
    """Return the equations whose record this is, or raise InputError where it has no gates."""
    if not isinstance(gates, Mapping):
        raise InputError(
            f"{caller}: gates must be the record that return_gates=True gives; got "
            f"{type(gates).__name__}. Call output, states, gates = module(x, return_gates=True)"
        )
    try:
        spec = cell_of(gates)
    except InputError as error:
        raise InputError(f"{caller}: {error}") from None
    if not (spec.keep_gate or spec.write_gate):
        raise InputError(
            f"{caller}: the record of the cell {spec.name!r} has no gates; there is nothing to put "
            "a cost on. Use an LSTM or a GRU"
        )
    return spec


def _valid(gates: Record, name: str) -> Tensor:
    """Return a gate with 0.5 in the padding, whose NaN would reach the gradient behind any product."""
    if name not in gates:
        raise InputError(
            f"the record has no {name!r}, only {', '.join(names_in(gates)) or 'nothing'}; give all "
            "gates, as return_gates=True does"
        )
    inside = _inside(gates, gates[name])
    return gates[name] if inside is None else torch.where(inside, gates[name], 0.5)


def _inside(gates: Record, value: Tensor) -> Tensor | None:
    """Return which elements are no padding, as a mask that broadcasts to `value`; None for all.

    It goes by the lengths of the record, not by NaN: a network that has diverged must be seen.
    """
    lengths = getattr(gates, "lengths", None)
    if value.dim() != 5 or not isinstance(lengths, Tensor):
        return None
    steps = torch.arange(value.shape[2], device=value.device)[:, None]
    return (steps < lengths.to(value.device))[None, None, :, :, None]


def _mean(gates: Record, values: Tensor) -> Tensor:
    """Return the mean of `values` over valid steps and everything else; 0 of no steps."""
    inside = _inside(gates, values)
    if inside is None:
        return values.sum() / max(1, values.numel())
    share = inside.sum() * (values.numel() // max(1, inside.numel()))
    return torch.where(inside, values, 0.0).sum() / share.clamp(min=1)


def _kept(timescale: float | Tensor, keep: Tensor) -> Tensor:
    """Return exp(-1 / timescale), checked, in the type of `keep [..., H]`."""
    # Checked where it lies: a GPU's answer would be waited for.
    where = timescale.device if isinstance(timescale, Tensor) else "cpu"
    tau = torch.as_tensor(timescale, dtype=keep.dtype, device=where)
    if tau.dim() > 1 or (tau.dim() == 1 and len(tau) != keep.shape[-1]):
        raise InputError(
            f"forget_cost: timescale has shape {list(tau.shape)}; give one number, or one for each of "
            f"the {keep.shape[-1]} units"
        )
    if not bool((tau > 0).all()):
        raise InputError(f"forget_cost: timescale must be above 0, in steps; got {timescale!r:.80}")
    return torch.exp(-1 / tau.to(keep.device, non_blocking=True))
