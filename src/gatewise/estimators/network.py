"""The network behind the estimators: recurrent layers, dropout, a head.

Sizes: T steps of a window, B windows, F features, H hidden units, S steps that the head reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.engines import Gates
from gatewise.estimators.embedding import CategoryEmbedding
from gatewise.estimators.options import spec_named
from gatewise.nn import GRU, LSTM, RNN, Recurrent, init
from gatewise.nn.modules import GatedModule
from gatewise.training.inference import predict
from gatewise.training.randomness import drawn_mask
from gatewise.training.task import Batches, TrainableNetwork
from gatewise.typing import Array32


def layer_of(
    cell: str,
    input_size: int,
    hidden_size: int,
    engine: str,
    *,
    bidirectional: bool = False,
    heads: int = 1,
) -> GatedModule:
    """Return one layer of the cell that an estimator calls so, on the CPU in float32."""
    name = spec_named(cell).name
    options: Any = {"device": "cpu", "dtype": torch.float32, "engine": engine}
    options["bidirectional"] = bidirectional
    if name.startswith("rnn_"):
        return RNN(input_size, hidden_size, nonlinearity=name.removeprefix("rnn_"), **options)
    if name in ("lstm", "gru"):
        return (LSTM if name == "lstm" else GRU)(input_size, hidden_size, **options)
    return Recurrent(name, input_size, hidden_size, heads=heads, **options)


def start_layers(
    layers: Iterable[nn.Module], cell: str, forget_bias: float | None, long_memory: int | None
) -> None:
    """Give fresh layers the starting values that an estimator was asked for, in place.

    `long_memory`: the steps to remember for, in place of `forget_bias`, the bias of the gate that
    keeps; None of both leaves torch's start, as does a cell without such a gate.
    """
    if not spec_named(cell).with_bias:
        return
    for layer in layers:
        if long_memory is not None:
            init.long_memory(layer, long_memory)
        elif forget_bias is not None:
            init.open_forget_gate(layer, bias=forget_bias)


def stack_of(
    cell: str,
    sizes: Sequence[int],
    hidden_size: int,
    engine: str,
    *,
    forget_bias: float | None,
    long_memory: int | None = None,
    bidirectional: bool = False,
    heads: int = 1,
) -> nn.ModuleList:
    """Return a layer for each of `sizes`, the features that it reads, started by `start_layers`."""
    layers = nn.ModuleList(
        layer_of(cell, size, hidden_size, engine, bidirectional=bidirectional, heads=heads)
        for size in sizes
    )
    start_layers(layers, cell, forget_bias, long_memory)
    return layers


class LayeredNetwork(TrainableNetwork):
    """A network whose recurrent layers are modules of their own, in `layers`."""

    layers: nn.ModuleList

    def settle(self, engine: str) -> None:
        """Let layers whose engine is `auto` take this one whatever a batch's size.

        "reference" was settled where neither of the others had the cell; it stays when one gets it.
        """
        for layer in self.layers:
            assert isinstance(layer, GatedModule)
            if engine != "reference":
                layer.settle(engine)
            elif layer.engine == "auto":
                layer.engine = engine


class RecurrentNetwork(LayeredNetwork):
    """A stack of single-layer gatewise modules whose last S hidden states go to a head.

    Every layer is a module of its own, in `layers`, so that each can be traced by name. Dropout
    acts between layers and before the head, on `[T, B, H]` and `[S, B, H]` element by element as in
    torch, but only through masks that the caller passes: train and eval modes change nothing here.

    `cell` is a registered one, or "rnn" (tanh). `forget_bias` and `long_memory` are starting values: see
    `start_layers`. `front` makes of a window what the first layer reads, of `input_size` features;
    without one that is the window itself. `head` takes `[S, B, H]`. Build it inside
    `randomness.seeded(seed)`.
    """

    def __init__(
        self,
        *,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        heads: int = 1,
        dropout: float | None,
        forget_bias: float | None,
        long_memory: int | None = None,
        engine: str,
        head: nn.Module,
        steps: int,
        front: CategoryEmbedding | None = None,
    ) -> None:
        super().__init__()
        self.front = front
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.layers = stack_of(
            cell,
            sizes,
            hidden_size,
            engine,
            forget_bias=forget_bias,
            long_memory=long_memory,
            heads=heads,
        )
        self.head = head
        self.hidden_size = hidden_size
        self.dropout = dropout or 0.0
        self.steps = steps

    def forward(
        self, x: Tensor, masks: Sequence[Tensor] | None = None, *, return_gates: bool = False
    ) -> Any:
        """Return the head's output for windows `x [T, B, F]`, with the gates of each layer if asked.

        `masks`, from `draw_masks`, are which categories are known `[B, G]`, where there is a front, and
        what is multiplied onto what each layer but the last hands on
        `[T, B, H]` and onto what the head reads `[S, B, H]`; without them nothing is dropped.
        """
        gates: list[Gates] = []
        masks = list(masks or ())
        first = x[0]
        if self.front is not None:
            first = self.front.numbers(first)
            x = self.front(x, masks.pop(0) if masks else None)
        for index, layer in enumerate(self.layers):
            if return_gates:
                x, _, layer_gates = layer(x, return_gates=True)
                gates.append(layer_gates)
            else:
                x = layer(x)[0]
            last = index == len(self.layers) - 1
            if last:
                x = x[-self.steps :]
            if masks:
                x = x * masks[index]
        reads = getattr(self.head, "reads_inputs", False)
        output: Tensor = self.head(x, first) if reads else self.head(x)
        return (output, gates) if return_gates else output

    def answers(self, windows: Batches, device: str) -> Array32:
        """Return the head's output `[n, S, K, Q]` for all windows; the network moves to `device`."""
        return predict(self, windows, device=device)

    def draw_masks(
        self, generator: torch.Generator, steps: int, batch: int, rows: slice
    ) -> list[Tensor] | None:
        """Draw one batch's dropout masks and return their `rows`; None where nothing is dropped.

        The draw is for the whole batch of `batch` windows of `steps` time steps, whichever rows are
        asked for: processes that share a batch see the masks that one process alone would see.
        A mask holds 0 with probability `dropout`, else 1 / (1 - dropout).
        """
        masks = [] if self.front is None else [self.front.draw(generator, batch, rows)]
        if self.dropout == 0:
            return masks or None
        for index in range(len(self.layers)):
            length = self.steps if index == len(self.layers) - 1 else steps
            shape = (length, batch, self.hidden_size)
            masks.append(drawn_mask(generator, shape, self.dropout, rows))
        return masks
