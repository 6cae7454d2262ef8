"""What a module can be called with: anything else is refused by what it is, not from the inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise as gw
from gatewise.engines import ENGINES
from gatewise.errors import InputError

T, B, I, H = 4, 2, 3, 5  # noqa: E741 - the papers' symbol
X, STATE = torch.zeros(T, B, I), torch.zeros(1, B, H)
NAMES = ["auto", *ENGINES]

INPUTS = {
    "None": (None, "got NoneType"),
    "list": ([[1.0, 2.0]], "got a list of 1: list"),
    "array": (
        np.zeros((T, B, I), np.float32),
        "got numpy.ndarray; torch.from_numpy makes a tensor",
    ),
    "frame": (pl.DataFrame({"a": [1.0]}), "got polars.DataFrame"),
    "number": (3, "got 3"),
    "text": ("x", "got 'x'"),
    "pair": ((X, STATE), "got a tuple of 2: Tensor, Tensor"),
}
PAIRS = {
    "one tensor": (STATE, r"got one tensor \[1, 2, 5\]"),
    "stacked": (torch.stack([STATE, STATE]), r"got one tensor \[2, 1, 2, 5\]"),
    "one in a tuple": ((STATE,), "got a tuple of 1: Tensor"),
    "three": ((STATE,) * 3, "got a tuple of 3: Tensor, Tensor, Tensor"),
    "None inside": ((STATE, None), "got a tuple of 2: Tensor, NoneType"),
    "arrays": ((STATE.numpy(), STATE.numpy()), "got a tuple of 2: ndarray, ndarray"),
    "array": (np.zeros((1, B, H)), "got numpy.ndarray; torch.from_numpy"),
    "number": (0, "got 0"),
    "text": ("zeros", "got 'zeros'"),
    "mapping": ({"h": STATE}, "got dict"),
}
SINGLES = {
    "tuple": ((STATE,), "got a tuple of 1: Tensor"),
    "pair": ((STATE, STATE), "got a tuple of 2: Tensor, Tensor"),
    "list": ([STATE], "got a list of 1: Tensor"),
    "array": (np.zeros((1, B, H)), "got numpy.ndarray; torch.from_numpy"),
    "number": (0, "got 0"),
}
LENGTHS = {
    "number": (6, "got 6"),
    "zero": (0, "got 0"),
    "float": (3.0, "got 3.0"),
    "text": ("42", r"lengths must be integers"),
    "texts": (["4", "2"], "got a list of 2: str, str"),
    "floats": ([4.0, 2.0], "got dtype torch.float32"),
    "booleans": ([True, False], "got dtype torch.bool"),
    "None inside": ([4, None], "got a list of 2: int, NoneType"),
    "two dimensions": ([[4, 2]], r"must have shape \[2\], one per row of the batch; got \[1, 2\]"),
    "ragged": ([[4], [2, 1]], "got a list of 2: list, list"),
    "scalar tensor": (torch.tensor(4), r"must have shape \[2\].*; got \[\]"),
    "scalar array": (np.int64(4), "lengths must"),
    "float array": (np.array([4.0, 2.0]), "got dtype torch.float"),
    "text array": (np.array(["4", "2"]), "got numpy.ndarray"),
    "too few": ([4], r"must have shape \[2\].*; got \[1\]"),
    "none": ([], r"must have shape \[2\].*; got \[0\]"),
    "huge": ([2**70, 1], "got a list of 2: int, int"),
    "too long": ([9, 1], "between 0 and the 4 steps of the input; row 0 has 9"),
    "negative": ([4, -1], "between 0 and the 4 steps of the input; row 1 has -1"),
    "mapping": ({4: 2}, r"must have shape \[2\]"),
    "complex": (torch.tensor([4j, 2j]), "got dtype torch.complex64"),
    "generator": (object(), "got object"),
}


def refused(kind: Any, *arguments: Any, said: str, **options: Any) -> None:
    for engine in NAMES:
        for gates in (False, True):
            module = kind(I, H, engine=engine)
            with pytest.raises(InputError, match=said) as raised:
                module(*arguments, return_gates=gates, **options)
            assert "\n" not in str(raised.value)


@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("kind", [gw.LSTM, gw.GRU, gw.RNN, gw.LSTMCell, gw.GRUCell, gw.RNNCell])
def test_an_input_that_is_no_tensor(kind, given) -> None:
    x, said = INPUTS[given]
    refused(kind, x, said=rf"^{kind.__name__}: input must be a torch\.Tensor; {said}")


@pytest.mark.parametrize("given", PAIRS)
@pytest.mark.parametrize("packed", [False, True])
def test_states_of_an_lstm_that_are_no_pair(given, packed) -> None:
    hx, said = PAIRS[given]
    x = pack_padded_sequence(X, torch.tensor([4, 2])) if packed else X
    refused(gw.LSTM, x, hx, said=rf"^LSTM: hx must be \(h, c\), two tensors; {said}")


@pytest.mark.parametrize("given", PAIRS)
def test_states_of_an_lstm_cell_that_are_no_pair(given) -> None:
    hx, said = PAIRS[given]
    refused(gw.LSTMCell, X[0], hx, said=rf"^LSTMCell: hx must be \(h, c\), two tensors; {said}")


@pytest.mark.parametrize("given", SINGLES)
@pytest.mark.parametrize("kind", [gw.GRU, gw.RNN, gw.GRUCell, gw.RNNCell])
def test_a_state_that_is_not_one_tensor(kind, given) -> None:
    hx, said = SINGLES[given]
    x = X[0] if kind.__name__.endswith("Cell") else X
    refused(kind, x, hx, said=rf"^{kind.__name__}: hx must be one torch\.Tensor, h; {said}")


@pytest.mark.parametrize("given", LENGTHS)
def test_lengths_that_are_none(given) -> None:
    lengths, said = LENGTHS[given]
    refused(gw.GRU, X, lengths=lengths, said=said)


@pytest.mark.parametrize(
    "lengths",
    [
        (4, 2),
        range(4, 0, -2),
        torch.tensor([4, 2], dtype=torch.uint8),
        np.array([4, 2], dtype=np.uint16),
        np.array([2, 4])[::-1],
        pl.Series([4, 2]).to_numpy(),
        [np.int64(4), np.int32(2)],
        [torch.tensor(4), torch.tensor(2)],
    ],
)
def test_lengths_in_every_form_of_integers(lengths) -> None:
    module, x = gw.LSTM(I, H), torch.randn(T, B, I)
    for one, other in zip(module(x, lengths=lengths)[1], module(x, lengths=[4, 2])[1], strict=True):
        assert torch.equal(one, other)


def test_a_packed_sequence_is_no_step() -> None:
    packed = pack_padded_sequence(X, torch.tensor([4, 2]))
    refused(
        gw.GRUCell, packed, said=r"^GRUCell: a cell takes one step, a torch\.Tensor; got a Packed"
    )


def test_a_list_of_two_states_is_taken_as_torch_takes_it() -> None:
    module, stock = gw.LSTM(I, H), torch.nn.LSTM(I, H)
    stock.load_state_dict(module.state_dict())
    x, hx = torch.randn(T, B, I), [torch.randn(1, B, H), torch.randn(1, B, H)]
    torch.testing.assert_close(module(x, hx)[0], stock(x, hx)[0])
