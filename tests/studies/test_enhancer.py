"""The task, training and probes of `enhancer`, on a network whose memory is known to be in c."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studies.common.statistics import share_interval
from studies.enhancer import training
from studies.enhancer.probes import AROUND, inside, probes
from studies.enhancer.seen import seen
from studies.enhancer.task import DECOY, DECOYS, MARK, SYMBOLS, Reader, batch, bits
from studies.enhancer.training import Recipe, accuracy, learn, optimizer
from studies.enhancer.views import PARTS, account, lags_of, three_views

STEPS = 120


@pytest.fixture(scope="module")
def by_hand() -> Reader:
    """Return a reader of two units that write a bit each at the mark, keep it, and show it."""
    model = Reader(2)
    for parameter in model.parameters():
        parameter.data.zero_()
    # torch's order of gates: input, forget, candidate, output
    hears, bias = model.layer.weight_ih_l0.data, model.layer.bias_ih_l0.data
    hears[0:2, MARK] = 400.0  # and exactly 0 elsewhere: a sum of traces would know a little
    bias[0:2] = -200.0
    bias[2:4] = 20.0
    bias[6:8] = 20.0
    hears[4:6, :SYMBOLS] = 8 * (2 * bits(torch.arange(SYMBOLS)).T - 1)
    model.head.weight.data = torch.eye(2)
    return model


def test_the_symbol_stands_at_the_one_mark_and_decoys_elsewhere() -> None:
    x, symbols = batch(400, 300, torch.Generator().manual_seed(0))
    assert (x[..., :SYMBOLS].sum(-1) == 1).all()
    assert (x[..., MARK].sum(0) == 1).all()
    place = x[..., MARK].argmax(0)
    assert (int(place.min()), int(place.max())) == (0, 19)
    number = torch.arange(300)
    assert torch.equal(x[place, number, :SYMBOLS].argmax(-1), symbols)
    assert not x[place, number, DECOY].any()
    assert float(x[..., DECOY].mean()) == pytest.approx(DECOYS, abs=0.002)
    unmarked, same = batch(400, 300, torch.Generator().manual_seed(0), marked=False)
    assert not unmarked[..., MARK].any()
    assert torch.equal(same, symbols)
    assert torch.equal(unmarked[..., :SYMBOLS], x[..., :SYMBOLS])


def test_bits_and_answers_name_the_same_symbol(by_hand: Reader) -> None:
    symbols = torch.arange(SYMBOLS)
    assert torch.equal(by_hand.answers(2 * bits(symbols) - 1), symbols)


def test_probes_find_the_memory_where_it_is(by_hand: Reader) -> None:
    found = probes(by_hand, STEPS, 400, seed=3)
    assert (found["accuracy"], found["zero hidden"], found["transplant"]) == (1.0, 1.0, 1.0)
    for lost in ("zero cell", "no mark"):
        chance = share_interval(round(400 * found[lost]), 400)
        assert chance.low < 1 / SYMBOLS < chance.high


def test_probes_of_a_gru_change_its_one_state() -> None:
    torch.manual_seed(0)
    found = probes(Reader(3, layer=torch.nn.GRU), STEPS, 50, seed=3)
    assert set(found) == {"accuracy", "zero hidden", "transplant", "no mark"}


def test_what_the_gates_do_is_read_off(by_hand: Reader) -> None:
    found = inside(by_hand, 300, seed=1)
    written = found["written"]
    assert isinstance(written, list)
    assert written[AROUND] == 1.0
    assert max(written[:AROUND] + written[AROUND + 1 :]) < 1e-5
    assert found["written elsewhere"] == pytest.approx(1 / 300, abs=1e-6)
    assert found["largest cell"] == pytest.approx(1.0, abs=1e-5)


def test_what_carries_the_answer_is_seen_in_three_ways(by_hand: Reader) -> None:
    """Whose forget gates keep all but 2e-9 of a step, and whose gates hear nothing of h."""
    found = three_views(by_hand, STEPS, seed=1)
    assert {name: len(found[name]) for name in found} == dict.fromkeys(
        ("gates", "gradient", "intervention"), len(lags_of(STEPS))
    )
    assert lags_of(STEPS)[0] == 1
    assert lags_of(STEPS)[-1] == STEPS - STEPS // PARTS - 1
    for name in ("gates", "gradient", "intervention"):
        assert found[name] == pytest.approx([1.0] * len(found[name]), abs=1e-4)


def test_curves_are_medians_over_seeds_at_the_lengths_they_were_trained_on() -> None:
    steps = 400
    lags, parts = len(lags_of(steps)), [0.1] * PARTS

    def seed(loss: float, lengths: tuple[int, ...]) -> dict[str, object]:
        return {
            "losses": {str(n): [loss] * 4 + [loss / 10] * 3 for n in lengths},
            "views": {name: [loss] * lags for name in ("gates", "gradient", "intervention")},
            "account": {"at the mark": 0.5, "by part": parts, "held": parts, "shown": parts},
            "leak": [0.001, 0.01],
            "longer": {"1": 1.0, "2": loss, "4": 0.25},
        }

    seeds = [seed(0.2, (100, 400)), seed(0.4, (100, 400)), seed(0.9, (100,))]
    learnt, carried, written, leaks, longer = seen(seeds, steps)
    assert learnt.x.tolist() == [100, 400]
    np.testing.assert_allclose(learnt.lines[0].y, [0.4, 0.3])
    np.testing.assert_allclose(learnt.lines[1].y, [0.04, 0.03])
    assert [line.kind for line in carried.lines] == ["gate path", "gradient", "intervention"]
    assert all(line.y.tolist() == [0.4] * lags for line in carried.lines)
    assert (written.x.tolist(), written.level.at) == (list(range(1, PARTS + 1)), 0.5)
    np.testing.assert_allclose(leaks.lines[0].y, [0.4] * 3)
    assert longer.lines[0].y.tolist() == [1.0, 0.4, 0.25]
    assert longer.lines[0].low.tolist() == [1.0, 0.2, 0.25]


def test_the_account_has_all_at_the_mark(by_hand: Reader) -> None:
    found = account(by_hand, 300, seed=1)
    assert found["at the mark"] == pytest.approx(1.0, abs=1e-4)
    assert found["by part"] == pytest.approx([0.0] * PARTS, abs=1e-6)
    held, shown = found["held"], found["shown"]
    assert isinstance(held, list)
    assert isinstance(shown, list)
    assert held[1:] == pytest.approx([1.0] * (PARTS - 1), abs=1e-4)
    assert shown == pytest.approx([1.0] * PARTS, abs=1e-4)


def test_the_price_rises_once_the_first_length_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def noted(model: Reader, adam: object, data: object, price: float) -> tuple[float, bool]:
        asked.append(price)
        return 0.0, True

    monkeypatch.setattr(training, "update", noted)
    learn(Reader(), 60, Recipe(start=30, cost=0.1, later=0.2), seed=0, budget=7 * 30 + 60)
    assert asked == [0.1] * 6 + [0.2] * 2


def test_a_training_ends_by_the_bound_and_is_the_same_twice() -> None:
    found = []
    for _ in range(2):
        torch.manual_seed(4)
        model = Reader()
        learning = learn(model, 60, Recipe(start=30), seed=4, budget=60_000)
        assert learning.solved
        found.append((learning.updates, accuracy(model, 60, 400, torch.Generator().manual_seed(9))))
    assert found[0] == found[1]
    assert list(found[0][0]) == [30, 60]
    assert found[0][1] > 0.98


def test_a_look_is_passed_by_the_interval_and_ends_where_it_cannot_be(by_hand: Reader) -> None:
    draws = torch.Generator().manual_seed(0)
    assert training.sure(by_hand, STEPS, 400, draws)
    assert not training.sure(by_hand, STEPS, 300, draws)  # of 300, all right say no more than .988
    assert not training.sure(Reader(), STEPS, 400, draws)


def test_a_training_ends_by_two_looks_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([True, False, True, True])
    monkeypatch.setattr(training, "sure", lambda *_: next(looks))
    torch.manual_seed(4)
    assert learn(Reader(), 30, Recipe(start=30), seed=4, budget=60_000).solved
    assert list(looks) == []


def test_gradients_are_the_same_where_no_gates_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = []
    for kept in (1000, 10):
        monkeypatch.setattr(training, "KEEPS_GATES", kept)
        torch.manual_seed(0)
        model = Reader(5).double()
        x, _ = batch(70, 3, torch.Generator().manual_seed(1))
        layer, read = model.layer, x.double()
        output, written = training.forward(layer, read, priced=True)
        (output[-1].square().sum() + 70 * written).backward()
        found = [written.detach(), *(one.grad for one in model.layer.parameters())]
        gradients.append(found)
        assert model.layer.max_memory is None
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
        assert one.any()


def test_a_budget_ends_a_training_that_has_not_learnt() -> None:
    torch.manual_seed(0)
    learning = learn(Reader(), 60, Recipe(long=False, start=None), seed=0, budget=150)
    assert not learning.solved
    assert learning.updates == {60: 3}


def test_decay_is_on_recurrent_weights_alone() -> None:
    model = Reader()
    groups = optimizer(model, Recipe()).param_groups
    decayed = [one for group in groups if group["weight_decay"] for one in group["params"]]
    assert [id(one) for one in decayed] == [id(model.layer.weight_hh_l0)]
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
