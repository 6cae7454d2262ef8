"""Drop-in LSTM, GRU and RNN: torch's arguments, parameters and values, with gates and lengths.

Sizes: T steps, B rows, I inputs, H hidden units, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.engines import ENGINES, Engine, EngineChoice
from gatewise.engines.aside import is_patched, left_to_torch
from gatewise.engines.fused import differs
from gatewise.engines.segments import MaxMemory, check_max_memory
from gatewise.errors import EngineError
from gatewise.nn.arguments import check_kinds
from gatewise.nn.calls import Hidden, check_tensors, prepare
from gatewise.nn.choosing import ChoosesBySize
from gatewise.nn.foreign import as_leaf, is_symbolic
from gatewise.nn.packed import check_packed
from gatewise.nn.shortage import shortage_told
from gatewise.nn.straight import straight
from gatewise.nn.structure import network_of, spec_of
from gatewise.nn.watching import watchers_of

if TYPE_CHECKING:
    Base = torch.nn.RNNBase
else:
    Base = object


class GatedModule(ChoosesBySize, Base):
    """What LSTM, GRU, RNN and every registered cell share; comes before torch's class.

    Attributes:
        max_memory: None, or the bytes to keep at most for the backward pass beside input and
            outputs, or "sqrt" for the least: gates are then recomputed, some steps at a time. The
            gradient is the same, bit for bit. For the native engine, in calls without gates;
            `auto` then takes it whatever the size of a call.
    """

    max_memory: MaxMemory = None  # on the class for the reason that `engine` is

    def __init__(self, *args: Any, max_memory: MaxMemory = None, **kwargs: Any) -> None:
        check_max_memory(max_memory)
        super().__init__(*args, **kwargs)
        self.max_memory = max_memory

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

        Raises what torch's module raises for malformed input, InputError for bad `lengths`, a bad
        PackedSequence and tensors on several devices or without memory,
        OptionError or EngineError for an engine that is unknown or cannot run this cell, or where
        there is no room for the gates.
        """
        if (hx is not None or type(input) is not Tensor) and not is_symbolic(input):
            check_kinds(self, input, hx)
        counts = check_packed(input) if isinstance(input, PackedSequence) else None
        if lengths is None and not return_gates and self.max_memory is None:
            found = straight(self, input, hx, counts)
            if found is not None:
                return found
        if is_symbolic(input):
            return as_leaf(self, input, hx, lengths=lengths, return_gates=return_gates)
        needs_gatewise = lengths is not None or return_gates
        choice = self._choice_for(input, needs_gatewise=needs_gatewise)
        engine = ENGINES[choice.name]
        options = self._memory_option(engine, choice)
        if not engine.checks_tensors:
            check_tensors(self, input, hx)
        if engine.is_torchs and not needs_gatewise:
            is_packed = isinstance(input, PackedSequence)
            data = input.data if isinstance(input, PackedSequence) else input
            steps = None if counts is None else len(counts)
            kind = (spec_of(self).name, self.hidden_size, self.proj_size > 0)
            if is_packed != (counts is not None) or not differs(*kind, data, steps):
                if is_patched():
                    return left_to_torch(super().forward, input, hx)
                return super().forward(input, hx)
        self._update_flat_weights()
        call = prepare(self, input, hx, lengths, checked=True)
        # Where the pass returns no gates, a watcher recovers them as it does for torch's modules.
        watchers = watchers_of(self) if engine.hands_gates else ()
        watched = any(watcher.wants for watcher in watchers)
        with_gates = return_gates or watched
        where = (network_of(self), call.x, call.states, call.rows)
        with shortage_told(self, call) if with_gates else nullcontext():
            result = engine.run(*where, gates=with_gates, **options)
        output, hidden = call.output(result.output), call.hidden(result.states)
        if not with_gates:
            return output, hidden
        gates = call.gates(result)
        for watcher in watchers:
            watcher.take(gates)
        return (output, hidden, gates) if return_gates else (output, hidden)

    def extra_repr(self) -> str:
        """Return torch's description, the engine where one is named, and a bound on memory."""
        text = super().extra_repr()
        return text if self.max_memory is None else f"{text}, max_memory={self.max_memory!r}"

    def _memory_option(self, engine: Engine, choice: EngineChoice) -> dict[str, MaxMemory]:
        """Return what the engine is to be told of `max_memory`, or raise EngineError."""
        if self.max_memory is None:
            return {}
        check_max_memory(self.max_memory)
        if not engine.takes_max_memory:
            able = ", ".join(one.name for one in ENGINES.values() if one.takes_max_memory)
            raise EngineError(
                f"max_memory={self.max_memory!r} needs the {able} engine, and {choice.name!r} runs: "
                f"{choice.reason}; set max_memory=None"
            )
        return {"max_memory": self.max_memory}


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
