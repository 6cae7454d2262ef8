"""The map between padded and packed rows, against torch's own packing."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.engines import Rows

CPU = torch.device("cpu")
lengths_lists = st.lists(st.integers(1, 6), min_size=1, max_size=6)


def numbered(steps: int, batch: int) -> torch.Tensor:
    return torch.arange(1.0, steps * batch * 2 + 1).reshape(steps, batch, 2)


@given(lengths_lists, st.integers(0, 2))
def test_from_lengths_packs_as_torch_does(lengths: list[int], more: int) -> None:
    own = torch.tensor(lengths)
    steps = max(lengths) + more
    x = numbered(steps, len(lengths))
    rows = Rows.from_lengths(own, steps, CPU)
    packed = pack_padded_sequence(x, own, enforce_sorted=False)
    assert torch.equal(rows.batch_sizes, packed.batch_sizes)
    back, _ = pad_packed_sequence(packed, total_length=steps)
    assert torch.equal(rows.unpack(rows.pack(x)), back)
    assert torch.equal(rows.valid(), back[:, :, 0] != 0)


@given(lengths_lists)
def test_from_batch_sizes_keeps_the_order_of_the_packed_sequence(lengths: list[int]) -> None:
    own = torch.tensor(lengths)
    x = numbered(max(lengths), len(lengths))
    packed = pack_padded_sequence(x, own, enforce_sorted=False)
    rows = Rows.from_batch_sizes(packed.batch_sizes, packed.sorted_indices, CPU)
    assert torch.equal(rows.lengths, own)
    assert torch.equal(rows.pack(x), packed.data)
    assert torch.equal(rows.unpack(packed.data), pad_packed_sequence(packed)[0])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_rows_without_a_step_stay_in_the_padded_form_only(lengths: list[int]) -> None:
    rows = Rows.from_lengths(torch.tensor(lengths), 4, CPU)
    assert len(rows.started) == sum(length > 0 for length in lengths)
    assert len(rows.index) == sum(lengths)
    x = numbered(4, len(lengths))
    assert torch.equal(rows.unpack(rows.pack(x)), x * rows.valid()[:, :, None])
