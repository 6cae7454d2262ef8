"""The watch of a trace over one module: its work before and after each call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized
from torch.nn.utils.rnn import PackedSequence

from gatewise.engines import Gates, Network, PassResult, fused
from gatewise.engines.layout import dropout_masks
from gatewise.errors import EngineError, InputError
from gatewise.nn.calls import Call, prepare
from gatewise.nn.cells import cell_gates
from gatewise.nn.modules import GatedModule
from gatewise.nn.shortage import shortage_told
from gatewise.nn.structure import network_of, spec_of
from gatewise.tracing._budget import CallSizes
from gatewise.tracing._options import Kept, TraceOptions
from gatewise.tracing._recorder import Recorder
from gatewise.tracing._recordings import RecordedCall
from gatewise.tracing._recovery import Pass, recovered
from gatewise.tracing._selection import Tensors, kept_lengths, memory_of, selected


class Watch:
    """Sees the calls of one module, which hands over the gates of its pass if `wants` says so."""

    def __init__(self, name: str, kept: Kept, options: TraceOptions, recorder: Recorder) -> None:
        self.wants = False
        self._name = name
        self._kept = kept
        self._options = options
        self._recorder = recorder
        self._gates: Gates | None = None
        self._random: Tensor | None = None

    def take(self, gates: Gates) -> None:
        """Take the gates of the call that is running."""
        self._gates = gates

    def before(
        self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Check what a call would take, and keep the random state that its dropout begins with."""
        self._gates = self._random = None
        if self._options.with_grad and not torch.is_grad_enabled():
            raise InputError(
                f"trace: with_grad=True, but gradients are off where {self._name!r} is called; leave "
                "torch.no_grad() and torch.inference_mode() out"
            )
        if not isinstance(module, torch.nn.RNNBase):
            return
        sizes = CallSizes.of(module, args[0] if args else kwargs.get("input"))
        if sizes is None:  # the module refuses such input, in torch's words
            self.wants = False
            return
        self._recorder.reserve(self._name, sizes, self._kept.steps_of(sizes.steps, self._name))
        self.wants = isinstance(module, GatedModule) and self._may_be_whole(module, sizes)
        if module.training and module.dropout > 0:
            self._random = torch.get_rng_state()

    def after(
        self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any
    ) -> None:
        """Store what is kept of the call that has just ended."""
        input = args[0] if args else kwargs["input"]  # noqa: A001 - torch's own name
        hx = args[1] if len(args) > 1 else kwargs.get("hx")
        with torch.set_grad_enabled(self._options.with_grad):
            if isinstance(module, torch.nn.RNNBase):
                self._after_call(module, (input, hx, kwargs.get("lengths")), out)
            else:
                assert isinstance(module, torch.nn.RNNCellBase)
                self._after_step(module, input, hx, out)
        self._gates = None

    def _may_be_whole(self, module: GatedModule, sizes: CallSizes) -> bool:
        """Tell whether all gates of a call may exist at once, so that its pass can return them."""
        if module.max_memory is not None:
            return False
        limit, spec = self._options.max_bytes, spec_of(module)
        if limit is None or spec.name not in fused.PASSES:  # only for these there is a recovery
            return True
        itemsize = sizes.dtype.itemsize
        return sizes.bytes_of(spec.recorded, sizes.hidden, sizes.steps, itemsize) <= limit

    def _after_call(self, module: torch.nn.RNNBase, given: tuple[Any, ...], out: Any) -> None:
        sizes = CallSizes.of(module, given[0])
        assert sizes is not None  # the module has taken it
        steps = self._kept.steps_of(sizes.steps, self._name)
        asked = isinstance(out[-1], Gates)
        gates = out[-1] if asked else self._gates
        copies = self._recorder.copies
        weights = self._recorder.weights_of(self._name, module)  # waits for the call before alone
        call = prepare(module, *given)
        with shortage_told(module, call):
            if gates is None and self._options.with_grad:
                gates = self._in_graph(module, call, out[0])
            if gates is None:
                tensors, lengths = self._recovered(module, call, out[0], steps)
            else:
                output = out[0].data if isinstance(out[0], PackedSequence) else out[0]
                # Gates that were asked for are the caller's too.
                theirs = (output, *gates.values()) if asked else (output,)
                tensors, lengths = self._selected(gates, steps, theirs), gates.lengths
        lengths = copies.move(kept_lengths(lengths, steps), self._options.device, None)
        self._recorder.add_call(
            self._name,
            RecordedCall([tensors], lengths, steps, sizes.steps, weights, self._kept.cell, copies),
        )

    def _after_step(self, module: torch.nn.RNNCellBase, input: Any, hx: Any, out: Any) -> None:
        asked = isinstance(out, tuple) and isinstance(out[-1], Gates)
        after = out[0] if asked else out
        states = (after,) if isinstance(after, Tensor) else tuple(after)
        if not self._kept.keeps(self._recorder.next_step(self._name, module, states[0])):
            return
        sizes = CallSizes.of(module, input)
        assert sizes is not None  # the cell has taken it
        self._recorder.reserve(self._name, sizes, range(1))
        if asked:
            gates = out[-1]
        else:
            with _parametrizations_at_rest(module):
                gates = cell_gates(module, input, hx, out)
        theirs = (*states, *gates.values()) if asked else states
        self._recorder.add_step(self._name, self._selected(gates, None, theirs))

    def _selected(self, gates: Gates, steps: range | None, theirs: tuple[Tensor, ...]) -> Tensors:
        borrowed = {memory_of(tensor) for tensor in theirs}
        how = {"steps": steps, "borrowed": borrowed, "copies": self._recorder.copies}
        return selected(gates, self._kept, self._options, **how)  # type: ignore[arg-type]

    def _recovered(
        self, module: torch.nn.RNNBase, call: Call, output: Any, steps: range
    ) -> tuple[Tensors, Tensor]:
        """Return what is kept of the gates behind `output`, and each row's length."""
        network = self._network_of(module, call)
        states = call.states
        if states is None:
            batch = call.x.shape[1] if call.rows is None else call.rows.batch
            states = network.states(call.x, batch)
        engine = module.engine_of(call) if isinstance(module, GatedModule) else "torch"
        random = self._random_numbers_of_the_call()
        this_pass = Pass(
            network, call.x, states, call.rows, call.in_form_of_x(output), engine, random
        )
        found = recovered(this_pass, self._kept, steps, self._options, self._recorder.copies)
        gates = call.gates(PassResult(this_pass.output, (), found))
        return dict(gates), gates.lengths

    def _in_graph(self, module: torch.nn.RNNBase, call: Call, output: Any) -> Gates:
        """Compute the gates behind `output` again, differentiably."""
        network, last = self._network_of(module, call), call.in_form_of_x(output)
        random = self._random_numbers_of_the_call()
        masks = dropout_masks(network, call.x, call.rows, last.dtype, random)
        where = (network, call.x, call.states, call.rows)
        return call.gates(fused.run(*where, gates=True, output=last, masks=masks))

    def _network_of(self, module: torch.nn.RNNBase, call: Call) -> Network:
        network = network_of(module)
        if network.dropout > 0 and len(network.parameters) > 1 and call.x.is_cuda:
            raise EngineError(
                f"trace: {self._name!r} drops out between its layers inside cuDNN, which does not "
                "reveal its masks; trace in eval mode, or call the module with return_gates=True"
            )
        return network

    def _random_numbers_of_the_call(self) -> torch.Generator | None:
        """Return a generator that draws what the call has drawn; None where it drew nothing."""
        if self._random is None:
            return None
        generator = torch.Generator()
        generator.set_state(self._random)
        return generator


@contextmanager
def _parametrizations_at_rest(module: torch.nn.Module) -> Iterator[None]:
    """Let a cell's weights be read again as its call read them.

    In train mode `spectral_norm` takes a step at each reading; in eval mode it repeats the last.
    """
    parts = list(module.parametrizations.modules()) if is_parametrized(module) else []  # type: ignore[union-attr]
    training = [part for part in parts if part.training]
    try:
        for part in training:
            part.training = False
        yield
    finally:
        for part in training:
            part.training = True
