"""`lengths`: a padded batch without packing it by hand."""

from __future__ import annotations

import pytest
import torch
from tests.nn.recurrent import STOCK, B, I, T, as_states, build, inputs, stock_of
from tests.tolerances import assert_close64
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.engines import ENGINES
from gatewise.errors import InputError

RUN = pytest.mark.parametrize(
    ("cell", "engine"),
    [(cell, engine) for cell in STOCK for engine in ENGINES],
)


@RUN
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("return_gates", [False, True])
def test_lengths_are_torchs_packing(cell, engine, batch_first, return_gates) -> None:
    module = build(cell, num_layers=2, bidirectional=True, batch_first=batch_first, engine=engine)
    x = inputs(B, T, I) if batch_first else inputs(T, B, I)
    lengths = torch.tensor([2, 4, 3])
    packed = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
    theirs, their_hx = stock_of(module)(packed)
    padded, _ = pad_packed_sequence(theirs, batch_first=batch_first, total_length=T)
    for own in (lengths, lengths.tolist(), lengths.int()):
        output, hx, *_ = module(x, lengths=own, return_gates=return_gates)
        assert_close64(output, padded, "output")
        for mine, its in zip(as_states(hx), as_states(their_hx), strict=True):
            assert_close64(mine, its, "state")


@RUN
@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([1.0, 2.0, 3.0], "must be integers, one per row; got dtype torch.float32"),
        ([True, True, False], "must be integers, one per row; got dtype torch.bool"),
        ([1, 2], r"must have shape \[3\], one per row of the batch; got \[2\]"),
        ([[1, 2, 3]], r"must have shape \[3\], one per row of the batch; got \[1, 3\]"),
        ([1, 6, 2], "between 0 and the 5 steps of the input; row 1 has 6"),
        ([1, 2, -1], "between 0 and the 5 steps of the input; row 2 has -1"),
    ],
)
def test_bad_lengths(cell, engine, lengths, message) -> None:
    with pytest.raises(InputError, match=message):
        build(cell, engine=engine)(inputs(T, B, I), lengths=lengths)


@RUN
def test_lengths_need_a_batch_and_no_packed_sequence(cell, engine) -> None:
    module = build(cell, engine=engine)
    with pytest.raises(InputError, match=r"unbatched input \[5, 3\] has one length"):
        module(inputs(T, I), lengths=[5])
    packed = pack_padded_sequence(inputs(T, B, I), torch.tensor([5, 4, 1]))
    with pytest.raises(InputError, match="PackedSequence has its own lengths"):
        module(packed, lengths=[5, 4, 1])
