"""What a model is asked through: axes, answers, modes, and inputs that cannot be used.

Sizes: T steps, B rows, I inputs, H hidden units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise.nn
from gatewise.errors import InputError
from gatewise.memory.interventions.subject import Subject

T, B, I, H = 7, 4, 3, 5  # noqa: E741 - the papers' symbol


def x(batch_first: bool = True) -> Tensor:
    own = torch.randn(B, T, I, generator=torch.Generator().manual_seed(0))
    return own if batch_first else own.transpose(0, 1)


class Reader(nn.Module):
    """A recurrent module whose output goes through `read`, its input through `before`."""

    def __init__(self, rnn: nn.Module, read: Any = None, before: Any = None) -> None:
        super().__init__()
        self.rnn, self.read, self.before = rnn, read, before

    def forward(self, x: Tensor, *others: Any, **named: Any) -> Any:
        own = self.rnn(x if self.before is None else self.before(x))
        return own if self.read is None else self.read(own, *others, **named)


@pytest.mark.parametrize("source", [torch.nn, gatewise.nn])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_a_module_itself(source: Any, kind: str, batch_first: bool) -> None:
    module = getattr(source, kind)(I, H, batch_first=batch_first)
    subject = Subject(module, x(batch_first), caller="test")
    assert (subject.rows, subject.steps, subject.time) == (B, T, int(batch_first))
    assert subject.per_step
    with (
        torch.no_grad()
    ):  # as the subject runs it: by its size, `auto` may choose another engine to train
        expected = module(x(batch_first))[0]
    own = expected if batch_first else expected.transpose(0, 1)
    np.testing.assert_allclose(subject.answer, own, rtol=1e-6)


def test_time_is_where_the_recurrent_module_has_it() -> None:
    inner = nn.LSTM(I, H)  # time first, in a model that is batch first
    turned = Reader(inner, lambda y: y[0][-1], before=lambda x: x.transpose(0, 1))
    subject = Subject(turned, x(), caller="test")
    assert (subject.time, subject.rows, subject.per_step) == (1, B, False)
    assert subject.answer.shape == (B, H)


def test_as_many_rows_as_steps() -> None:
    square = torch.randn(T, T, I)
    assert Subject(nn.GRU(I, H, batch_first=True), square, caller="test").time == 1
    assert Subject(nn.GRU(I, H), square, caller="test").time == 0
    turned = Reader(nn.GRU(I, H), lambda y: y[1][0], before=lambda x: x.transpose(0, 1).clone())
    with pytest.raises(InputError, match=r"test: cannot tell which axis .* give time=0 or time=1"):
        Subject(turned, square, caller="test")
    assert Subject(turned, square, caller="test", time=1).steps == T


def test_packed_inside_the_model() -> None:
    def pack(x: Tensor) -> Any:
        return pack_padded_sequence(x, torch.full((len(x),), x.shape[1]), batch_first=True)

    model = Reader(nn.LSTM(I, H, batch_first=True), lambda y: y[1][0][0], before=pack)
    assert Subject(model, x(), caller="test").answer.shape == (B, H)


def test_a_cell_in_a_loop() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.GRUCell(I, H)

        def forward(self, x: Tensor) -> Tensor:
            h = x.new_zeros(len(x), H)
            for t in range(x.shape[1]):
                h = self.cell(x[:, t], h)
            return h

    subject = Subject(Loop(), x(), caller="test")
    assert (subject.time, subject.per_step) == (1, False)
    with pytest.raises(InputError, match=r"the state of 'cell' cannot be changed: it is a GRUCell"):
        subject.chosen(None)


def test_other_arguments_go_with_their_rows() -> None:
    static, scale = torch.arange(B * 2.0).view(B, 2), torch.tensor([2.0])
    model = Reader(
        nn.GRU(I, H, batch_first=True),
        lambda y, static, scale, names: y[0][:, -1, :2] * scale + static,
    )
    names = ["a", "b"]
    subject = Subject(model, (x(), static, scale, names), caller="test")
    order = torch.tensor([2, 0])
    picked = subject.answers([subject.sequences[0][order]], order)
    np.testing.assert_allclose(picked, subject.answer[order.numpy()], rtol=1e-5)


def test_arguments_by_name_and_several_sequences() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(I + 1, H)

        def forward(self, past: Tensor, *, extra: Tensor) -> Tensor:
            return self.rnn(torch.cat([past, extra], dim=-1))[0][-1]

    inputs = {"past": x(False), "extra": torch.randn(T, B, 1)}
    subject = Subject(Two(), inputs, caller="test")
    assert [list(own.shape) for own in subject.sequences] == [[B, T, I], [B, T, 1]]
    short = subject.answers([own[:, 2:] for own in subject.sequences], torch.arange(B))
    assert short.shape == (B, H)


def test_states_among_the_arguments_are_cut_by_their_own_axis() -> None:
    module = nn.GRU(I, H, num_layers=B, batch_first=True)  # as many layers as rows
    hx = torch.randn(B, B, H)
    subject = Subject(module, (x(), hx), caller="test")
    order = torch.tensor([3, 1])
    picked = subject.answers([subject.sequences[0][order]], order)
    np.testing.assert_allclose(picked, subject.answer[order.numpy()], atol=1e-6)


def test_answers_are_read_by_output() -> None:
    module = nn.LSTM(I, H, batch_first=True)
    last = Subject(module, x(), caller="test", output=lambda y: y[1][1][0])  # c of the last step
    assert last.answer.shape == (B, H)
    assert not last.per_step
    with pytest.raises(InputError, match=r"output= returns a tuple; give output="):
        Subject(module, x(), caller="test", output=lambda y: y[1])
    with pytest.raises(InputError, match=r"answers have shape \[3\], .* no place for 4 rows"):
        Subject(module, x(), caller="test", output=lambda y: torch.zeros(3))
    with pytest.raises(InputError, match=r"the model returns a str; give output="):
        Subject(Reader(module, lambda y: "no"), x(), caller="test")


def test_everything_is_put_back() -> None:
    model = Reader(nn.LSTM(I, H, num_layers=2, dropout=0.5, batch_first=True), lambda y: y[0])
    model.train()
    model.rnn.eval()
    state, grad = torch.get_rng_state(), torch.is_grad_enabled()
    model.before = lambda x: x + 0 * torch.rand(())
    Subject(model, x(), caller="test")
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled() == grad
    assert model.training
    assert not model.rnn.training
    assert not model.rnn._forward_pre_hooks


def test_modes_are_put_back_after_a_failure() -> None:
    def fail(y: Any) -> Any:
        raise ZeroDivisionError

    model = Reader(nn.GRU(I, H), fail).train()
    with pytest.raises(ZeroDivisionError):
        Subject(model, x(), caller="test", time=1)
    assert model.training
    assert model.rnn.training


class Stateful(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(I, H, batch_first=True)
        self.h: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        y, self.h = self.rnn(x, self.h)
        return y[:, -1]


def test_a_model_that_keeps_its_state() -> None:
    with pytest.raises(InputError, match="another answer the second time"):
        Subject(Stateful(), x(), caller="test")


def holed() -> Tensor:
    own = x(False).clone()
    own[4, 2, 1] = torch.nan
    return own


@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        (nn.Linear(I, H), x(), r"test: Linear contains no LSTM, GRU, RNN or cell"),
        (lambda y: y, x(), r"test: model must be a torch.nn.Module; got function"),
        (nn.GRU(I, H), np.zeros((T, B, I)), r"got ndarray; write torch.as_tensor"),
        (nn.GRU(I, H), (), r"got NoneType"),
        (nn.GRU(I, H), torch.zeros(T), r"inputs has shape \[7\]; a batch of sequences"),
        (nn.GRU(I, H), torch.zeros(T, I), r"without a batch axis"),
        (
            nn.GRU(I, H),
            pack_padded_sequence(x(False), torch.full((B,), T)),
            r"inputs is a PackedSequence",
        ),
        (nn.GRU(I, H), torch.zeros(T, 0, I), r"shape \[7, 0, 3\], so there are no rows"),
        (
            nn.GRU(I, H),
            torch.zeros(0, B, I),
            r"so there are no rows or no steps; give at least one",
        ),
        (nn.GRU(I, H), torch.full((T, B, I), torch.nan), r"answer at \(0, 0, 0\) is not finite"),
        (nn.GRU(I, H), holed(), r"the inputs hold nan at row 2, step 4, value 1; fill it in"),
    ],
)
def test_bad_input(model: Any, inputs: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Subject(model, inputs, caller="test")


def test_bad_options() -> None:
    with pytest.raises(InputError, match=r"time must be 0 or 1, the axis of time; got 2"):
        Subject(nn.GRU(I, H), x(False), caller="test", time=2)
    subject = Subject(nn.GRU(I, H), x(False), caller="test")
    with pytest.raises(InputError, match=r"no recurrent module 'gru'; there are ''"):
        subject.chosen("gru")
    for at in (0, T, -1, 2.5):
        with pytest.raises(InputError, match=r"must lie between 1 and 6"):
            subject.boundary(at)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"at=7 is outside the 7 steps"):
        subject.times(7)
    with pytest.raises(InputError, match=r"at is empty"):
        subject.times([])
    once = Subject(Reader(nn.GRU(I, H), lambda y: y[0][-1]), x(False), caller="test")
    with pytest.raises(InputError, match=r"the model answers once per sequence"):
        once.times(3)
