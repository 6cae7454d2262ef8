"""Rows as they are typed, and the operations that a row asks for."""

from __future__ import annotations

import pytest

from benchmarks.against_peers.rows import MAIN, ODD, Row, flops, next_even, rows_of
from gatewise.errors import OptionError


def test_rows_are_read_each_once() -> None:
    assert rows_of(["100,32,16,64", "main"]) == (Row(100, 32, 16, 64), *(MAIN[:1] + MAIN[2:]))
    assert rows_of(["odd"]) == ODD
    assert rows_of([]) == ()


@pytest.mark.parametrize("word", ["100,32,16", "100,32,16,0", "1,2,3,x", "1,2,3,-4", "mian", ""])
def test_malformed_rows_are_refused(word: str) -> None:
    with pytest.raises(OptionError, match="T,B,I,H"):
        rows_of([word])


def test_operations_are_those_of_the_products() -> None:
    row = Row(10, 3, 5, 7)
    forward = 2 * 10 * 3 * 4 * 7 * (5 + 7)
    assert flops("lstm", row, training=False) == forward
    # Forward, the weights' gradient, and the states' gradient through W_hh.
    assert flops("lstm", row, training=True) == 2 * forward + 2 * 10 * 3 * 4 * 7 * 7
    assert flops("gru", row, training=False) == forward * 3 / 4
    assert flops("rnn", row, training=False, steps=15) == forward / 4 / 2


def test_the_next_even_row() -> None:
    assert [next_even(row) for row in ODD[:4]] == [Row(200, 32, 16, H) for H in (32, 64, 128, 256)]
    assert [next_even(row).B for row in ODD[4:]] == [2, 8, 34]
