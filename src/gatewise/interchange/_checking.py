"""A graph beside the module that it was made of, on fresh input, before its file appears."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gatewise.errors import EngineError
from gatewise.interchange._graph import package
from gatewise.typing import AnyArray

SIZES = ((1, 1), (5, 2), (7, 3))
"""Steps and rows of the batches that are tried: other ones each time, so that nothing is frozen."""
CLOSE = 1e-4
"""How far float32 sums in another order may take a recurrent network's state, per 1 + |value|."""


def session(content: bytes) -> Any:
    """Return a session of ONNX Runtime on one thread; EngineError for a graph that it does not take."""
    runtime = package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own types, by version
        raise EngineError(f"ONNX Runtime does not take the graph: {str(error)[:200]}") from error


def check_in_runtime(content: bytes, module: Any, *, lengths: bool, states: bool) -> None:
    """Raise EngineError unless ONNX Runtime gives what the module gives."""
    run = session(content)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for steps, rows in SIZES:
            given, expected = _example(
                module, steps, rows, generator, lengths=lengths, states=states
            )
            found = run.run(None, given)
            for name, ours, theirs in zip(
                (one.name for one in run.get_outputs()), found, expected, strict=True
            ):
                if not _close(ours, theirs):
                    raise EngineError(
                        f"ONNX Runtime gives another {name} than the module for {steps} steps of {rows} "
                        "rows: nothing was written"
                    )


def _close(ours: AnyArray, theirs: AnyArray) -> bool:
    if ours.shape != theirs.shape:
        return False
    return bool((np.abs(ours - theirs) <= CLOSE * (1 + np.abs(theirs))).all())


def _example(
    module: Any, steps: int, rows: int, generator: torch.Generator, *, lengths: bool, states: bool
) -> tuple[dict[str, AnyArray], list[AnyArray]]:
    """Return random input for a graph, and what the module makes of it."""
    device = module.weight_ih_l0.device
    drawn = torch.randn(
        steps, rows, module.input_size, generator=generator, dtype=torch.float32, device="cpu"
    )
    hx: Any = None
    given: dict[str, AnyArray] = {}
    if states:
        directions = 2 if module.bidirectional else 1
        shape = (module.num_layers * directions, rows, module.hidden_size)
        names = ("h_0", "c_0") if module.mode == "LSTM" else ("h_0",)
        hx = [
            torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu")
            for _ in names
        ]
        given |= {name: one.numpy() for name, one in zip(names, hx, strict=True)}
        hx = tuple(one.to(device) for one in hx) if len(hx) > 1 else hx[0].to(device)
    # torch's own pass is the reference, whatever engine a module of ours would take
    counts = torch.full((rows,), steps, dtype=torch.int64, device="cpu")
    if lengths:
        counts = 1 + torch.arange(rows, device="cpu") % steps
    packed = torch.nn.utils.rnn.pack_padded_sequence(drawn.to(device), counts, enforce_sorted=False)
    output, last = _plain(module)(packed, hx)
    output, _ = torch.nn.utils.rnn.pad_packed_sequence(output, total_length=steps)
    if module.batch_first:
        drawn, output = drawn.transpose(0, 1), output.transpose(0, 1)
    given["input"] = np.ascontiguousarray(drawn.numpy())
    if lengths:
        given["lengths"] = counts.numpy().astype(np.int32)
    ends = last if isinstance(last, tuple) else (last,)
    return given, [one.numpy(force=True) for one in (output, *ends)]


def _plain(module: Any) -> torch.nn.RNNBase:
    """Return torch's own module with these weights, without dropout and time first."""
    kinds: dict[str, type[torch.nn.RNNBase]] = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}
    options: dict[str, Any] = {
        "bias": module.bias,
        "bidirectional": module.bidirectional,
        "device": module.weight_ih_l0.device,
        "dtype": torch.float32,
    }
    if module.mode not in kinds:
        options["nonlinearity"] = module.mode.lower().removeprefix("rnn_")
    kind = kinds.get(module.mode, torch.nn.RNN)
    plain = kind(module.input_size, module.hidden_size, module.num_layers, **options)
    plain.load_state_dict(module.state_dict())
    return plain.eval()
