"""A stream gives, step by step, what the module gives for the whole sequence; without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from tests.nn.recurrent import STOCK, as_hx, as_states, build, inputs, states_for

import gatewise
from gatewise.errors import EngineError, InputError

T, I, H = 6, 3, 5  # noqa: E741
CELLS = pytest.mark.parametrize("cell", STOCK)
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}


def arrays(module) -> list[dict[str, np.ndarray]]:
    """Return the weights of a module as plain arrays by name."""
    layers: list[dict[str, np.ndarray]] = [{} for _ in range(module.num_layers)]
    for name, value in module.named_parameters():
        kind, _, layer = name.rpartition("_l")
        layers[int(layer)][kind] = value.detach().numpy()
    return layers


@CELLS
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "options", [{}, {"num_layers": 3}, {"bias": False}, {"proj_size": 2, "num_layers": 2}]
)
def test_steps_are_the_sequence(cell, dtype, batch, options) -> None:
    if "proj_size" in options and cell != "lstm":
        options = {}
    torch.manual_seed(0)
    module = build(cell, dtype=dtype, engine="reference", **options)
    x, states = inputs(T, batch, I, dtype=dtype), states_for(module, batch)
    streams = [
        gatewise.Stream(module, batch=batch),
        gatewise.Stream.from_weights(cell, arrays(module), batch),
    ]
    with torch.no_grad():
        for start in (None, states):
            output, after = module(x, as_hx(start))
            for stream in streams:
                stream.reset()
                if start is not None:
                    stream.set_state(*[state.numpy() for state in start])
                for t in range(T):
                    own = torch.from_numpy(stream.step(x[t].numpy()))
                    assert (own - output[t]).abs().max() <= TOLERANCE[dtype]
                for mine, its in zip(stream.state, as_states(after), strict=True):
                    assert mine.shape == its.shape
                    assert (torch.from_numpy(mine) - its).abs().max() <= TOLERANCE[dtype]


def test_the_outputs_array() -> None:
    stream = gatewise.Stream(build("lstm", dtype=torch.float32))
    x = np.ones((1, I), np.float32)
    first = stream.step(x)
    before = first.copy()
    assert stream.step(x) is first  # the stream's own array, written over
    assert not np.array_equal(first, before)
    own = np.empty((1, H), np.float32)
    assert stream.step(x, own) is own
    assert stream.step(x, out=own) is own


def test_the_weights_are_copied() -> None:
    module = build("gru")
    stream = gatewise.Stream(module)
    x = np.ones((1, I))
    expected = stream.step(x).copy()
    with torch.no_grad():
        module.weight_ih_l0.zero_()
    stream.reset()
    assert np.array_equal(stream.step(x), expected)


def test_set_state_gives_back_what_it_was_given() -> None:
    stream = gatewise.Stream(build("lstm", num_layers=2), batch=2)
    h, c = np.random.default_rng(0).normal(size=(2, 2, 2, H))
    stream.set_state(h, c)
    assert all(map(np.array_equal, stream.state, (h, c)))
    stream.reset()
    assert all((state == 0).all() for state in stream.state)


@pytest.mark.parametrize(
    "x",
    [
        np.ones((1, I), np.float32),
        np.ones((1, I + 1)),
        np.ones(I),
        np.ones((2, I)),
        np.ones((I, 2)).T[:1],
        [[1.0] * I],
    ],
)
def test_nothing_is_converted(x) -> None:
    stream = gatewise.Stream(build("lstm"))
    with pytest.raises((TypeError, ValueError, BufferError)):
        stream.step(x)
    with pytest.raises((TypeError, ValueError, BufferError)):
        stream.step(np.ones((1, I)), np.ones((1, H + 1)))


def test_states_of_wrong_shapes() -> None:
    stream = gatewise.Stream(build("lstm"))
    with pytest.raises(InputError, match=r"states must have the shapes .*; got \[\[1, 1, 5\]\]"):
        stream.set_state(np.zeros((1, 1, H)))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"bidirectional": True}, "the module is bidirectional"),
        ({"dtype": torch.bfloat16}, "a stream runs float32 and float64"),
        ({"dtype": torch.float16}, "a stream runs float32 and float64"),
        ({"device": "meta"}, "the weights are on 'meta'; move the module to the CPU first"),
    ],
)
def test_modules_that_cannot_stream(options, match) -> None:
    with pytest.raises(InputError, match=match):
        gatewise.Stream(build("lstm", **options))


@pytest.mark.parametrize("batch", [0, -1, 1.5, True])
def test_bad_batches(batch) -> None:
    with pytest.raises(InputError, match="batch must be a number of rows, at least 1"):
        gatewise.Stream(build("lstm"), batch=batch)


@pytest.mark.parametrize("batch", [2**31, 2**63 - 1, 2**63, 10**30])
def test_batches_that_no_memory_holds(batch) -> None:
    with pytest.raises(InputError, match="batch must be at most 2147483647 rows"):
        gatewise.Stream(build("lstm"), batch=batch)


def test_a_batch_that_this_memory_does_not_hold() -> None:
    wide = [{"weight_ih": np.zeros((2**20, 1)), "weight_hh": np.zeros((2**20, 1))}]
    wide[0]["weight_hr"] = np.zeros((1, 2**18))  # 12 MiB a row
    with pytest.raises(InputError, match="need more memory than there is"):
        gatewise.Stream.from_weights("lstm", wide, 2**31 - 1)


@CELLS
@pytest.mark.parametrize("order", ["<", ">"])
def test_weights_of_either_byte_order(cell, order) -> None:
    module = build(cell, num_layers=2)
    given = [
        {name: own.astype(own.dtype.newbyteorder(order)) for name, own in layer.items()}
        for layer in arrays(module)
    ]
    x = np.ones((1, I))
    stream = gatewise.Stream.from_weights(cell, given)
    assert stream.dtype.isnative
    assert np.array_equal(stream.step(x), gatewise.Stream(module).step(x))


def test_weights_of_any_layout_and_value() -> None:
    good = arrays(build("lstm"))
    x = np.ones((1, I))
    expected = gatewise.Stream.from_weights("lstm", good).step(x)
    spread = {name: np.repeat(own, 2, axis=-1)[..., ::2] for name, own in good[0].items()}
    for own in spread.values():
        own.flags.writeable = False
    assert np.array_equal(gatewise.Stream.from_weights("lstm", [spread]).step(x), expected)
    missing = {**good[0], "bias_ih": np.full(4 * H, np.nan)}  # NaN is data
    assert np.isnan(gatewise.Stream.from_weights("lstm", [missing]).step(x)).all()


def test_modules_without_memory_and_other_things() -> None:
    module = build("lstm")
    module.bias_hh_l0.untyped_storage().resize_(0)
    with pytest.raises(InputError, match=r"a weight \[20\] has no memory: its storage was freed"):
        gatewise.Stream(module)
    for thing in (None, 3, torch.nn.Linear(2, 2), torch.nn.LSTMCell(2, 2)):
        with pytest.raises(InputError, match="give an LSTM, GRU or RNN module"):
            gatewise.Stream(thing)


@pytest.mark.parametrize("dtype", [np.complex128, "U1", object])
def test_states_that_are_no_real_numbers(dtype) -> None:
    stream = gatewise.Stream(build("gru"))
    with pytest.raises(InputError, match="states must be real numbers"):
        stream.set_state(np.zeros((1, 1, H)).astype(dtype))


def test_bad_weights() -> None:
    good = arrays(build("lstm", num_layers=2))
    cases = [
        ([], "at least one layer"),
        ([{"weight_ih": good[0]["weight_ih"]}], "needs weight_ih and weight_hh"),
        ([{**good[0], "weight": good[0]["weight_ih"]}], "needs weight_ih and weight_hh"),
        (
            [{**good[0], "bias_ih": np.zeros(3)}],
            r"bias_ih of layers\[0\] must have the shape \[20\]",
        ),
        ([{**good[0], "bias_ih": np.zeros(20, np.float32)}], r"bias_ih of layers\[0\] is float32"),
        ([good[0], good[0]], r"weight_ih of layers\[1\] must have the shape \[20, 5\]"),
    ]
    for name in ("bias_ih", "bias_hh"):
        one = {key: own for key, own in good[0].items() if key != name}
        cases.append(([one], r"layers\[0\] has only bias_.h of bias_ih and bias_hh; give both"))
    cases += [
        (
            [{**good[0], "weight_hr": np.zeros((0, H))}],
            r"weight_hr of layers\[0\] .* neither of them empty",
        ),
        (
            [{**good[0], "weight_ih": np.zeros((20, 0))}],
            r"weight_ih of layers\[0\] .* neither of them",
        ),
        (
            [{**good[0], "weight_ih": np.zeros(20)}],
            r"weight_ih of layers\[0\] must have two dimensions",
        ),
        (
            [{**good[0], "weight_hh": np.float64(1)}],
            r"weight_hh of layers\[0\] must be a NumPy array",
        ),
        (
            [{**good[0], "bias_ih": [0.0] * 20}],
            r"bias_ih of layers\[0\] must be a NumPy array; got list",
        ),
        ([{**good[0], "bias_ih": np.zeros(20, int)}], r"bias_ih of layers\[0\] is int64"),
        ([{**good[0], "bias_ih": np.zeros(20, "f2")}], r"bias_ih of layers\[0\] is float16"),
    ]
    wider = {"weight_ih": np.zeros((24, H)), "weight_hh": np.zeros((24, 6))}
    cases.append(([good[0], wider], r"as many hidden units and outputs; got \[5, 6\]"))
    for layers, match in cases:
        with pytest.raises(InputError, match=match):
            gatewise.Stream.from_weights("lstm", layers)
    with pytest.raises(
        EngineError, match=r"does not have the cell 'lstn'.*Did you mean 'lstm' or 'slstm'\?"
    ):
        gatewise.Stream.from_weights("lstn", good)


def test_it_needs_no_torch() -> None:
    code = (
        "import sys, numpy as np, gatewise as gw\n"
        "layer = {'weight_ih': np.ones((5, 3)), 'weight_hh': np.ones((5, 5))}\n"
        "print(gw.Stream.from_weights('rnn_tanh', [layer]).step(np.ones((1, 3))).shape)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(1, 5)"
