"""The benchmark of labelled sequences compares the same network on every side."""

import numpy as np
import pytest
import torch

from benchmarks.sequences import sides
from benchmarks.sequences.__main__ import _agree, _others
from benchmarks.sequences.problem import Case, Plain, draw, ours
from gatewise.training.inference import predict

CASES = [
    Case(4, vary=True, batch_size=4),
    Case(4, vary=True, bidirectional=True, batch_size=4, cell="gru"),
]


@pytest.mark.parametrize("case", CASES)
def test_every_side_answers_alike_and_runs_an_epoch(case):
    sequences = draw(case, 6)
    assert sequences.lengths.max() > 1.5 * sequences.lengths.min()
    others = _others(case, sequences, keras=False)
    assert list(others) == ["padded", "packed", "ours, packed"][case.bidirectional :]
    for epoch in others.values():
        epoch()


def test_a_side_that_answers_otherwise_is_not_timed():
    case = CASES[0]
    sequences = draw(case, 6)
    other = Plain(case, packed=True)
    with torch.no_grad():
        other.head.bias.add_(1e-3)
    with pytest.raises(SystemExit, match=r"packed answers otherwise, by 0\.001"):
        _agree("packed", predict(other, sequences), predict(ours(case), sequences))


def test_the_bare_steps_are_those_of_the_loop():
    case = CASES[0]
    sequences = draw(case, 6)
    expected = predict(ours(case), sequences)
    found = []
    for side in (sides.gatewise, sides.bare):
        network = ours(case)
        side(network, case, sequences, epochs=2)()
        found.append(predict(network, sequences))
    np.testing.assert_allclose(*found, atol=1e-7)
    assert not np.allclose(found[0], expected, atol=1e-4)
