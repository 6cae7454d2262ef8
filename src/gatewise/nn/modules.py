"""Drop-in LSTM, GRU and RNN: torch's arguments, parameters and values, with gates and lengths.

Sizes: T steps, B rows, I inputs, H hidden units, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.engines import ENGINES
from gatewise.engines.fused import in_types_of_torch
from gatewise.nn.calls import Hidden, prepare
from gatewise.nn.engine_option import EngineOption
from gatewise.nn.structure import network_of

if TYPE_CHECKING:
    Base = torch.nn.RNNBase
else:
    Base = object


class GatedModule(EngineOption, Base):
    """What LSTM, GRU, RNN and every registered cell share; comes before torch's class."""

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Hidden | None = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        return_gates: bool = False,
    ) -> Any:
        """Run the module as torch's does, and return the gates as a third value if asked.

        Args:
            input: `[T, B, I]` (`[B, T, I]` with `batch_first`), `[T, I]`, or a PackedSequence.
            hx: The initial states as torch takes them; zeros if absent.
            lengths: Integers `[B]`: the valid steps of each row of a padded batch, 0 to T in any
                order. The output is 0 past each row's end and the final state is the row's own.
            return_gates: Whether to return the `Gates` too, activated and differentiable,
                `[L, D, T, B, H]` each (`[L, D, T, H]` for unbatched input), whatever `batch_first`
                says.

        Returns:
            `(output, states)` as torch returns them, or `(output, states, gates)`.

        Raises what torch's module raises for malformed input, InputError for bad `lengths`,
        OptionError or EngineError for an engine that is unknown or cannot run this cell.
        """
        choice = self.engine_choice()
        if choice.name == "torch" and lengths is None and not return_gates:
            return super().forward(input, hx)
        self._update_flat_weights()
        call = prepare(self, input, hx, lengths)
        network, where = network_of(self), (call.x, call.states, call.rows)
        result = ENGINES[choice.name](network, *where, gates=return_gates)
        if choice.name == "reference":
            result = in_types_of_torch(result, network, *where)
        output, hidden = call.output(result.output), call.hidden(result.states)
        return (output, hidden, call.gates(result)) if return_gates else (output, hidden)


class LSTM(GatedModule, torch.nn.LSTM):
    """`torch.nn.LSTM` with gates; takes its arguments and `engine`.

    Gates: `forget`, `input`, `candidate`, `output`, `cell`, `hidden`. Equations: `cells/lstm.py`.
    """


class GRU(GatedModule, torch.nn.GRU):
    """`torch.nn.GRU` with gates; takes its arguments and `engine`.

    Gates: `reset`, `update` (1 keeps), `candidate`, `hidden`. Equations: `cells/gru.py`.
    """


class RNN(GatedModule, torch.nn.RNN):
    """`torch.nn.RNN` (tanh or relu) with its hidden states; takes its arguments and `engine`.

    Gates: `hidden`. Equations: `cells/rnn.py`.
    """
