"""A PackedSequence that is made by hand is refused by every engine where it contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.nn.recurrent import H, I, as_states, build, inputs
from torch.nn.utils.rnn import PackedSequence

from gatewise.engines import ENGINES, Rows, operators
from gatewise.engines.plan import FOR_BACKWARD, Plan
from gatewise.errors import InputError

NAMES = (*ENGINES, "auto")
COUNTS, ORDER, BACK = [3, 2, 1], [2, 0, 1], [1, 2, 0]


def by_hand(**changes: Any) -> PackedSequence:
    """Return a PackedSequence of rows of 3, 2 and 1 steps, past the checks of torch's own."""
    parts = {
        "data": inputs(sum(COUNTS), I),
        "batch_sizes": torch.tensor(COUNTS),
        "sorted_indices": torch.tensor(ORDER),
        "unsorted_indices": torch.tensor(BACK),
        **changes,
    }
    return tuple.__new__(PackedSequence, tuple(parts.values()))


BAD = {
    "negative batch size": ({"batch_sizes": torch.tensor([3, 4, -1])}, "never more than before"),
    "negative at the end": ({"batch_sizes": torch.tensor([5, 2, -1])}, "never more than before"),
    "increasing": ({"batch_sizes": torch.tensor([1, 2, 3])}, "never more than before"),
    "no steps": ({"batch_sizes": torch.tensor([], dtype=torch.int64)}, "at least one step"),
    "int32 batch sizes": ({"batch_sizes": torch.tensor(COUNTS).int()}, "batch_sizes must be int64"),
    "float batch sizes": ({"batch_sizes": torch.tensor([3.0, 2, 1])}, "batch_sizes must be int64"),
    "batch sizes in 2-D": ({"batch_sizes": torch.tensor([COUNTS])}, "of one dimension"),
    "batch sizes on meta": ({"batch_sizes": torch.tensor(COUNTS).to("meta")}, "must be on cpu"),
    "too few data": (
        {"data": inputs(5, I)},
        r"counts 6 steps of its rows and the data is \[5, 3\]",
    ),
    "too many data": (
        {"data": inputs(7, I)},
        r"counts 6 steps of its rows and the data is \[7, 3\]",
    ),
    "order out of range": ({"sorted_indices": torch.tensor([3, 0, 1])}, "each of 0 to 2 once"),
    "order far out of range": ({"sorted_indices": torch.tensor([2**40, 0, 1])}, "each of 0 to 2"),
    "negative order": ({"sorted_indices": torch.tensor([-1, 0, 1])}, "each of 0 to 2 once"),
    "repeated order": ({"sorted_indices": torch.tensor([0, 0, 1])}, "each of 0 to 2 once"),
    "short order": ({"sorted_indices": torch.tensor([0, 1])}, "sorted_indices has 2 rows"),
    "long order": ({"sorted_indices": torch.tensor([0, 1, 2, 3])}, "sorted_indices has 4 rows"),
    "int32 order": ({"sorted_indices": torch.tensor(ORDER).int()}, "sorted_indices must be int64"),
    "order on meta": ({"sorted_indices": torch.tensor(ORDER).to("meta")}, "is on meta and must be"),
    "other way back": ({"unsorted_indices": torch.tensor([0, 1, 2])}, "does not undo"),
    "way back out of range": ({"unsorted_indices": torch.tensor([1, 2, 9])}, "does not undo"),
    "no order": ({"sorted_indices": None}, "unsorted_indices without sorted_indices"),
    "no way back": ({"unsorted_indices": None}, "sorted_indices without unsorted_indices"),
}


@pytest.mark.parametrize("engine", NAMES)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_what_contradicts_itself_is_refused(cell, engine) -> None:
    module = build(cell, num_layers=2, bidirectional=True, engine=engine)
    for name, (changes, match) in BAD.items():
        for options in ({}, {"return_gates": True}):
            with pytest.raises(InputError, match=match):
                module(by_hand(**changes), **options)
            assert name


@pytest.mark.parametrize("engine", NAMES)
def test_what_fits_is_taken(engine) -> None:
    """Also steps at the end that no row has, which torch takes too."""
    module = build("lstm", bidirectional=True, engine=engine)
    stock = torch.nn.LSTM(I, H, bidirectional=True, dtype=torch.float64)
    stock.load_state_dict(module.state_dict())
    plain = {"sorted_indices": None, "unsorted_indices": None}
    for changes in ({}, plain, {"batch_sizes": torch.tensor([3, 2, 1, 0])}):
        given = by_hand(**changes)
        (ours, hx), (theirs, wanted) = module(given), stock(given)
        torch.testing.assert_close(ours.data, theirs.data)
        for one, other in zip(as_states(hx), as_states(wanted), strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("packed", [True, False])
def test_the_operator_checks_its_rows(packed) -> None:
    module = build("gru")
    own = Rows.from_lengths(torch.tensor([2, 5, 3]), 5, torch.device("cpu"))
    x = inputs(5, 3, I)
    x = own.pack(x) if packed else x
    plan = Plan("gru", "f64", 1, True, False, packed, FOR_BACKWARD, 0)
    good = [own.count, own.order, own.first]
    bad = [
        (0, [3, 3, 2, 1, -1], "between 0 and 1"),
        (0, [3, 3, 2, 2, 9], "between 0 and 2"),
        (0, [9, 3, 2, 1, 1], "between 0 and 3"),
        (1, [0, 1, 3], "each of 0 to 2 once"),
        (1, [0, 1, 1], "each of 0 to 2 once"),
        (1, [-(2**62), 1, 2], "each of 0 to 2 once"),
        (2, [0, 3, 6, 8, 2**62], "begins where"),
        (2, [0, 3, 6, 8, 8], "begins where"),
    ]
    if packed:
        bad.append((2, [1, 4, 7, 9, 10], "the packed steps 1 to 11"))
    for place, values, match in bad:
        rows = list(good)
        rows[place] = torch.tensor(values)
        with pytest.raises(InputError, match=match):
            operators.FORWARD(x, [], list(module._flat_weights), [], rows, *plan)
