"""Running recurrent modules inside a model with something changed: one layer and direction at a time.

The module's own `forward` is replaced for the time of a call by one that hands each layer and direction
to an `Intervention`. Hooks, parameters and the rest of the model stay as they are.
Sizes: T steps, B rows, C channels, H hidden units, P projected units, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gatewise.cells import Parameters, State
from gatewise.engines import ENGINES, Network, PassResult, Rows
from gatewise.errors import InputError
from gatewise.nn.calls import prepare
from gatewise.nn.finding import why_not_layered
from gatewise.nn.modules import GatedModule
from gatewise.nn.structure import network_of
from gatewise.wording import DIRECTIONS, layer_name


class Place(NamedTuple):
    """One layer and direction of one module of a model."""

    module: str  # its path in the model; "" for a model that is the module
    layer: int
    direction: int  # 0 forward, 1 reverse

    def __str__(self) -> str:
        """Return `encoder.lstm layer 1`, with `(reverse)` where that is its direction."""
        text = f"{self.module or 'model'} {layer_name(self.layer)}"
        return f"{text} ({DIRECTIONS[1]})" if self.direction else text


def place_names(places: Iterable[Place]) -> dict[Place, str]:
    """Return what each place is called: by its module, and what tells it from the others there.

    "lstm" where the module has one place, "lstm layer 2 (forward)" where it has layers and directions.
    """
    every = list(places)
    deep = {place.module for place in every if place.layer}
    twofold = {place.module for place in every if place.direction}
    return {
        place: (place.module or "model")
        + (f" {layer_name(place.layer)}" if place.module in deep else "")
        + (f" ({DIRECTIONS[place.direction]})" if place.module in twofold else "")
        for place in every
    }


@dataclass(frozen=True)
class Piece:
    """One layer in one direction, about to run; time runs as in the data, for both directions."""

    place: Place
    network: Network  # of this layer and direction alone
    x: Tensor  # [T, B, C]
    start: State  # [1, B, P], then [1, B, H]
    lengths: Tensor | None  # int64 [B] on the CPU; None: every row has T steps
    began: int  # steps of this module in earlier calls within this call of the model
    engine: str

    @property
    def steps(self) -> int:
        """Return T."""
        return self.x.shape[0]

    def run(
        self,
        steps: slice = slice(None),
        state: State | None = None,
        parameters: Parameters | None = None,
        *,
        gates: bool = False,
    ) -> PassResult:
        """Run `steps` from `state`; the output is in the order of time for either direction.

        None stands for the piece's own. The reverse direction begins at each row's own end.
        """
        begin, end, _ = steps.indices(self.steps)
        x, state = self.x[begin:end], self.start if state is None else state
        if begin >= end:
            return PassResult(x.new_zeros(0, x.shape[1], state[0].shape[-1]), state, None)
        network = self.network
        if parameters is not None:
            network = network.alone((parameters,))
        # a row that has ended before `begin` has no steps left, and its state stays as it is
        lengths = None if self.lengths is None else (self.lengths - begin).clamp(0, end - begin)
        rows = None if lengths is None else Rows.from_lengths(lengths, end - begin, x.device)
        if self.place.direction == 1:
            x = _turned(x, lengths)
        found = ENGINES[self.engine].run(network, x.contiguous(), state, rows, gates=gates)
        if self.place.direction == 0:
            return found
        record = found.gates and {
            name: _turned(value[0, 0], lengths)[None, None] for name, value in found.gates.items()
        }
        return PassResult(_turned(found.output, lengths), found.states, record)


def _turned(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return `x [T, B, C]` with each row's valid steps in the opposite order."""
    if lengths is None:
        return x.flip(0)
    t = torch.arange(len(x), device="cpu")[:, None]
    order = torch.where(t < lengths, lengths - 1 - t, t).to(x.device)
    return x.gather(0, order[:, :, None].expand_as(x))


class Intervention:
    """Runs every layer and direction; a subclass changes something on the way."""

    def layer(self, piece: Piece) -> tuple[Tensor, State]:
        """Return the output `[T, B, P]` and the last state of one layer and direction."""
        found = piece.run()
        return found.output, found.states


class Cut(Intervention):
    """Runs every layer in two parts, [0, at) and [at, T), and changes the state that passes between.

    The forward direction hands its state over at the boundary from left to right, the reverse direction
    from right to left. `change(place, state)` takes and returns the state.
    """

    def __init__(self, at: int, change: Callable[[Place, State], State]) -> None:
        self._at, self._change = at, change

    def layer(self, piece: Piece) -> tuple[Tensor, State]:
        """See `Intervention.layer`."""
        at = self._at - piece.began
        if not 0 <= at < piece.steps:
            return super().layer(piece)
        parts = [slice(0, at), slice(at, piece.steps)]
        if piece.place.direction == 1:
            parts.reverse()
        first = piece.run(parts[0])
        second = piece.run(parts[1], self._change(piece.place, first.states))
        outputs = [first.output, second.output]
        if piece.place.direction == 1:
            outputs.reverse()
        return torch.cat([part.to(second.output.dtype) for part in outputs]), second.states


@contextmanager
def intervening(
    parts: Mapping[str, torch.nn.RNNBase], intervention: Intervention
) -> Iterator[None]:
    """Let `intervention` run the modules `parts`, by path, until the end of the block.

    Raises InputError for a module whose forward is not one that can be replaced.
    """
    for name, part in parts.items():
        if why := why_not_layered(part):
            raise InputError(f"the state of {name or 'the model'!r} cannot be changed: it {why}")
    try:
        for name, part in parts.items():
            vars(part)["forward"] = partial(_forward, part, name, intervention, [0])
        yield
    finally:
        for part in parts.values():
            vars(part).pop("forward", None)


def _forward(  # noqa: PLR0917 - torch's arguments are positional
    module: torch.nn.RNNBase,
    name: str,
    intervention: Intervention,
    began: list[int],
    /,
    input: Any,
    hx: Any = None,
    *,
    lengths: Any = None,
    return_gates: bool = False,
) -> Any:
    """Run one call of `module` as its own forward does, layer by layer."""
    if return_gates:
        raise InputError(
            f"{name or 'the model'!r} is called with return_gates=True, which cannot be combined with a "
            "change of its state; leave it out of the model's forward"
        )
    # a weight that was replaced since the last call counts from here on, as in torch's forward
    module._update_flat_weights()
    call = prepare(module, input, hx, lengths)
    network, rows = network_of(module), call.rows
    data = call.x if rows is None or not rows.packed else rows.unpack(call.x)
    steps, batch = data.shape[:2]
    states = network.states(data, batch) if call.states is None else call.states
    choice = module.engine_of(call) if isinstance(module, GatedModule) else "torch"
    ends: list[State] = []
    for layer, parameters in enumerate(network.parameters):
        outputs = []
        for direction, weights in enumerate(parameters):
            piece = Piece(
                place=Place(name, layer, direction),
                network=network.alone((weights,)),
                x=data,
                start=tuple(state[len(ends)][None] for state in states),
                lengths=None if rows is None else rows.lengths,
                began=began[0],
                engine=choice,
            )
            output, end = intervention.layer(piece)
            outputs.append(output)
            ends.append(end)
        data = torch.cat(outputs, dim=-1)
    if rows is not None:
        data = torch.where(rows.valid()[:, :, None], data, 0.0)
    began[0] += steps
    out = data if rows is None or not rows.packed else rows.pack(data)
    final = tuple(torch.cat(kind) for kind in zip(*ends, strict=True))
    return call.output(out), call.hidden(final)
