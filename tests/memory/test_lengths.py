"""Models on rows of different lengths: lags count from each row's own end, and the rest is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.memory import known

from gatewise.errors import InputError
from gatewise.memory.interventions.ablation import ablation
from gatewise.memory.interventions.connectivity import connectivity
from gatewise.memory.interventions.context import context_need
from gatewise.memory.interventions.horizon import horizon
from gatewise.memory.interventions.probe import probe_model
from gatewise.memory.interventions.subject import Subject
from gatewise.memory.interventions.transplant import transplant

HOW = ["lengths", "packed", "sorted"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("lag", [3, 8])
def test_lags_count_from_each_row_s_end(how: str, lag: int) -> None:
    model, inputs = known.rows_of_lengths(how, lag)
    assert len(set(inputs[1].tolist())) > 8
    np.testing.assert_array_equal(Subject(model, inputs, caller="t").ends, inputs[1].numpy() - 1)
    found = horizon(model, inputs)
    assert (found.steps, found.low, found.high) == (lag, lag, lag)
    assert found.settings["at"] == "the end of each row"
    # Rows that are too short for a lag do not count for it.
    assert np.isfinite(found.curve).all()
    assert found.lags[-1] == int(inputs[1].max()) - 1
    gradient = connectivity(model, inputs)
    assert (gradient.reach, gradient.reach_low, gradient.reach_high) == (lag, lag, lag)
    assert gradient.lags[0] == 0


def test_answers_at_each_step_of_rows_of_different_lengths() -> None:
    task = known.delay_line(4, "gru", per_step=True, source="gatewise", batch_first=True, steps=20)
    lengths = [20, 9, 14] * 10 + [20, 20]

    class Stepwise(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = task.model.rnn, task.model.head

        def forward(self, x: torch.Tensor, lengths: list[int]) -> torch.Tensor:
            return self.head(self.rnn(x, lengths=lengths)[0])

    model, inputs = Stepwise(), (task.inputs, lengths)
    assert horizon(model, inputs).steps == 4
    assert horizon(model, inputs, at=8).steps == 4
    late = horizon(model, inputs, at=[12, 18])  # where some rows have ended
    assert late.steps == 4
    assert connectivity(model, inputs, at=[12, 18]).reach == 4
    # The gradient at lag 4 is that of the rows that are there, not thinned out by those that ended.
    whole = connectivity(task.model, task.inputs, at=[12, 18])
    part = connectivity(model, inputs, at=[12, 18])
    np.testing.assert_allclose(part.curve[4], whole.curve[4], rtol=1e-4)


def test_states_are_changed_while_all_rows_last() -> None:
    model, inputs = known.rows_of_lengths("lengths", 8)
    shortest = int(inputs[1].min())
    assert transplant(model, inputs).at == shortest // 2
    row = int(inputs[1].argmin())
    for ask in (transplant, ablation):
        with pytest.raises(InputError, match=rf"row {row} ends after {shortest} steps"):
            ask(model, inputs, at=shortest)
        assert ask(model, inputs, at=shortest - 1).at == shortest - 1


def test_what_cannot_be_said_of_such_rows() -> None:
    model, inputs = known.rows_of_lengths("packed", 8)
    with pytest.raises(
        InputError, match=r"rows have from 12 to 30 steps.* give rows of one length"
    ):
        context_need(model, inputs)
    model, inputs = known.rows_of_lengths("sorted", 8)
    sorts = r"the model sorts its rows by length"
    with pytest.raises(InputError, match=sorts):
        transplant(model, inputs)
    with pytest.raises(InputError, match=sorts):
        probe_model(model, inputs, inputs[0][..., 0])


def test_equal_lengths_are_as_none() -> None:
    task = known.latch(5, steps=20, source="gatewise", batch_first=True)
    model, _ = known.rows_of_lengths("lengths", 5)
    inputs = (task.inputs, torch.full((len(task.inputs),), 20))
    np.testing.assert_array_equal(
        horizon(model, inputs).curve, horizon(task.model, task.inputs).curve
    )
