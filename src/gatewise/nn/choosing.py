"""The choice of a module's `auto` by the size of each call, with the reason.

Sizes: T steps, B rows, N valid steps of all rows together, I inputs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.engines import ENGINES, EngineChoice, choose
from gatewise.engines.by_size import Workload, weights_of
from gatewise.engines.fused import arrangement
from gatewise.engines.onlookers import PLAIN, recorder
from gatewise.engines.segments import MaxMemory
from gatewise.errors import OptionError
from gatewise.nn.calls import Call
from gatewise.nn.engine_option import EngineOption
from gatewise.nn.straight import MODES
from gatewise.nn.structure import spec_of

if TYPE_CHECKING:
    Base = torch.nn.RNNBase
else:
    Base = object


class ChoosesBySize(EngineOption, Base):
    """The choice of a sequence module."""

    max_memory: MaxMemory
    _settled: str = ""

    def engine_choice(self, input: Tensor | PackedSequence | None = None) -> EngineChoice:
        """Return which engine runs this module, and why.

        It depends on the device, the type and the sizes of `input`, in any form that `forward`
        takes, and on whether a backward pass may follow: whether gradients are on and `input` or a
        parameter needs one. Without `input` the device and the type of the parameters count alone.
        On a GPU it also says how calls are arranged there. Raises OptionError or EngineError if the
        engine named cannot.
        """
        if input is None:
            return super().engine_choice()
        choice = self._chosen(input)
        like = input.data if isinstance(input, PackedSequence) else input
        if not (like.is_cuda and ENGINES[choice.name].is_torchs):
            return choice
        arranged = arrangement(spec_of(self), like, self.hidden_size)
        return replace(choice, reason=f"{choice.reason}; {arranged}") if arranged else choice

    def _chosen(self, input: Tensor | PackedSequence) -> EngineChoice:
        if isinstance(input, PackedSequence):
            rows = int(input.batch_sizes[0]) if len(input.batch_sizes) else 0
            return self._choose(input.data, len(input.batch_sizes), rows, packed=True)
        if input.dim() != 3:  # unbatched, or malformed
            return self._choose(input, input.shape[0] if input.dim() == 2 else 0, 1)
        steps, rows = input.shape[1::-1] if self.batch_first else input.shape[:2]
        return self._choose(input, steps, rows)

    def _choice_for(self, input: Tensor | PackedSequence, *, needs_gatewise: bool) -> EngineChoice:
        """Return which engine runs a call, which `needs_gatewise` where torch's module has none such."""
        if needs_gatewise and self.engine == "auto" and recorder() and isinstance(input, Tensor):
            held = self._held_weights()
            return choose("auto", spec_of(self), input, weights=held, needs_gatewise=True)
        return self._chosen(input)

    def engine_of(self, call: Call) -> str:
        """Return the name of the engine that runs a call which `prepare` has brought into form."""
        if call.rows is None:
            steps, rows = call.x.shape[:2]
            return self._choose(call.x, steps, rows).name
        return self._choose(call.x, call.rows.steps, call.rows.batch, packed=call.rows.packed).name

    def settle(self, engine: str) -> None:
        """Let `auto` take `native` or `torch` whatever the size of a call, where it can run.

        So that a network is trained, resumed and used on one engine. Raises OptionError for another.
        """
        if engine not in ("native", "torch"):
            raise OptionError(f"auto settles on 'native' or 'torch'; got {engine!r}")
        self._settled = engine

    def _choose(self, like: Tensor, steps: int, rows: int, *, packed: bool = False) -> EngineChoice:
        """Choose for `steps` of `rows` of the type and on the device of `like`."""
        work = None
        has_sizes = torch._C._get_tracing_state() is None  # tracing turns them into tensors
        if has_sizes and self.mode in MODES and self.max_memory is None:
            work = Workload(steps, rows, self._weights(), self._is_training(like), packed)
        held = self._held_weights()
        return choose(self.engine, spec_of(self), like, work, weights=held, settled=self._settled)

    def _weights(self) -> int:
        directions = 2 if self.bidirectional else 1
        return weights_of(
            MODES[self.mode], self.input_size, self.hidden_size, self.num_layers, directions
        )

    def _is_training(self, like: Tensor) -> bool:
        """Tell whether a backward pass may follow a call with `like`."""
        if not torch.is_grad_enabled():
            return False
        if like.requires_grad:
            return True
        for weight in self._flat_weights:  # a generator costs half a microsecond
            if weight is not None and (type(weight) not in PLAIN or weight.requires_grad):
                return True
        return False

    def _update_flat_weights(self) -> None:
        """Do as torch does, which takes five microseconds to find that no weight was replaced."""
        attributes, held = self.__dict__, self._parameters
        for ref, name in zip(self._flat_weight_refs, self._flat_weights_names, strict=True):
            weight = held.get(name)
            if weight is None or ref is None or ref() is not weight or name in attributes:
                super()._update_flat_weights()
                return
