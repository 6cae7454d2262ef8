from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gatewise.engines import ENGINES
from gatewise.estimators.language.network import LanguageNetwork
from gatewise.estimators.sequences.network import SequenceNetwork
from gatewise.estimators.sequences.restrained import (
    activation_cost,
    recurrent_weights,
    slowness_cost,
)
from gatewise.estimators.sequences.restraints import Restraints
from gatewise.training.costs import charged
from gatewise.training.losses import cross_entropy
from gatewise.training.options import TrainingOptions
from gatewise.training.randomness import Purpose, drawn_mask, generator, seeded

V, E, H, T, B = 7, 5, 6, 9, 4
ALL = Restraints(
    dropout=0.5, variational=True, input_dropout=0.2, weight_drop=0.4,
    activation_cost=2.0, slowness_cost=1.0,
)  # fmt: skip


def network(
    restraints: Restraints = ALL, embedding_dropout: float = 0.0, **more: Any
) -> LanguageNetwork:
    sizes = {"tokens": V, "embedding": E, "hidden_size": H, "num_layers": 2, "tied": True, **more}
    with seeded(3):
        made = LanguageNetwork(
            cell="lstm",
            forget_bias=1.0,
            engine="auto",
            restraints=restraints,
            embedding_dropout=embedding_dropout,
            **sizes,
        )
    made.settle("native")
    return made


def drawn(made: LanguageNetwork, rows: slice = slice(None), steps: int = T) -> list[Tensor] | None:
    return made.draw_masks(generator(0, Purpose.DROPOUT, 1), steps, B, rows)


CODES = torch.randint(V, (T, B), generator=torch.Generator().manual_seed(1))
TRUTH = torch.randint(V, (T, B), generator=torch.Generator().manual_seed(2))


def test_nothing_is_drawn_where_all_is_off() -> None:
    assert drawn(network(Restraints())) is None


def test_what_is_dropped_by_each_mask() -> None:
    tokens, read, *layers = drawn(network(embedding_dropout=0.3)) or []
    assert tokens.shape == (V, 1)
    assert read.shape == (1, B, E)
    assert [tuple(mask.shape) for mask in layers] == [(4 * H, H), (1, B, H)] * 2
    assert tokens.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    apart = drawn(network(replace(ALL, variational=False))) or []
    assert apart[0].shape == (T, B, E)
    assert apart[2].shape == (T, B, H)
    assert not (apart[2] == apart[2][:1]).all()  # every step by itself
    share = drawn_mask(generator(0, Purpose.DROPOUT), (1000, 10), 0.25)
    assert float((share == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(share.mean()) == pytest.approx(1.0, abs=0.03)


def test_processes_that_share_a_batch_drop_what_one_would() -> None:
    whole = drawn(network()) or []
    part = drawn(network(), slice(1, 3)) or []
    for one, other in zip(whole, part, strict=True):
        expected = one[:, 1:3] if one.shape[:2] == (1, B) else one
        assert torch.equal(other, expected)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("both", [False, True])
def test_dropped_weights_are_weights_that_are_zero(cell: str, *, both: bool) -> None:
    made, other = (labeller(Restraints(weight_drop=0.4), cell, both) for _ in range(2))
    x, lengths = torch.randn(T, B, E), torch.tensor([T, 3, 0, T])
    masks = made.draw_masks(generator(0, Purpose.DROPOUT), T, B, slice(None)) or []
    weights = [weight for each in other.layers for weight in recurrent_weights(each).values()]
    assert len(masks) == len(weights) == (4 if both else 2)
    with torch.no_grad():
        for weight, mask in zip(weights, masks, strict=True):
            weight.mul_(mask)
    got, expected = made(x, lengths, masks=masks), other(x, lengths)
    assert torch.equal(got, expected)
    got.square().sum().backward()
    expected.square().sum().backward()
    for one, two, mask in zip(made.layers, other.layers, masks[:: 2 if both else 1], strict=True):
        assert torch.equal(one.weight_hh_l0.grad, two.weight_hh_l0.grad * mask)
        assert torch.equal(one.weight_ih_l0.grad, two.weight_ih_l0.grad)
    assert not torch.equal(made(x, lengths), got)  # the layers have their weights again


def labeller(restraints: Restraints, cell: str = "lstm", both: bool = True) -> SequenceNetwork:
    """Return a network with one answer for each sequence."""
    with seeded(3):
        return SequenceNetwork(
            cell=cell,
            input_size=E,
            hidden_size=H,
            num_layers=2,
            bidirectional=both,
            dropout=restraints.dropout,
            forget_bias=1.0,
            engine="native",
            read="mean",
            head=torch.nn.Linear(H * (2 if both else 1), 3),
            restraints=restraints,
        )


def test_masks_of_a_network_with_one_answer() -> None:
    made = labeller(ALL)
    masks = made.draw_masks(generator(0, Purpose.DROPOUT), T, B, slice(1, 3)) or []
    weights = [(4 * H, H)] * 2
    shapes = [(1, 2, E), *weights, (1, 2, 2 * H), *weights, (2, 2 * H)]
    assert [tuple(mask.shape) for mask in masks] == shapes
    assert made(torch.randn(T, 2, E), torch.tensor([T, 2]), masks=masks).shape == (2, 3)


def test_padding_is_charged_nothing() -> None:
    """Whatever lies past the ends, however much of it there is."""
    made = labeller(replace(ALL, dropout=0.0)).double()
    x, lengths = torch.randn(T, B, E, dtype=torch.float64), torch.tensor([3, 7, 1, 5])
    charges = []
    for padding, more in ((0.0, 0), (1e3, 0), (torch.nan, 4)):
        padded = torch.cat([x, torch.zeros(more, B, E, dtype=torch.float64)])
        padded[torch.arange(T + more)[:, None] >= lengths] = padding
        made(padded, lengths)
        assert made.charge is not None
        charges.append(made.charge.item())
    assert charges[1:] == pytest.approx([charges[0]] * 2, rel=1e-12)
    states = torch.tensor([[[1.0], [3.0]], [[2.0], [0.0]], [[5.0], [0.0]]])
    ends = torch.tensor([3, 1])
    assert activation_cost(states, ends).item() == pytest.approx((1 + 4 + 25 + 9) / 4)
    assert slowness_cost(states, ends).item() == pytest.approx((1 + 9) / 2)
    assert slowness_cost(states[:, 1:], ends[1:]).item() == 0.0


def test_dropped_weights_run_on_the_native_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    made = network(replace(ALL, activation_cost=0.0, slowness_cost=0.0))
    calls = []
    native = ENGINES["native"]
    run = native.run

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return run(*args, **kwargs)

    monkeypatch.setitem(ENGINES, "native", replace(native, run=counted))
    made(CODES, masks=drawn(made))
    assert len(calls) == 2


def test_a_dropped_token_is_dropped_everywhere() -> None:
    made = network(Restraints(), embedding_dropout=0.5)
    (mask,) = drawn(made) or []
    lost = int((mask == 0).flatten().nonzero()[0])
    others = int((mask > 0).flatten().nonzero()[0])
    x = torch.full((3, 1), lost)
    with torch.no_grad():
        logits = made(x, masks=[mask])
        assert not torch.equal(logits, made(x))
        assert not torch.equal(logits, made(torch.full((3, 1), others), masks=[mask]))
        # what is compared with keeps its embeddings
        states, *_ = made._run_layers(torch.zeros(3, 1, E), None, None, None, False)
        assert torch.equal(logits, made._logits(states))


def test_tied_embeddings_are_one_parameter() -> None:
    made = network(Restraints(), embedding=H)
    assert made.projection is None
    assert sum("table" in name or "head" in name for name, _ in made.named_parameters()) == 1
    logits = made(CODES)
    hidden = CODES
    hidden = made.table(hidden)
    for layer in made.layers:
        hidden, _ = layer(hidden)
    assert torch.allclose(logits, hidden @ made.table.weight.T + made.bias, atol=1e-6)
    apart = network(Restraints(), tied=False)
    assert apart(CODES).shape == logits.shape == (T, B, V)
    assert network(Restraints()).projection is not None


def test_two_halves_with_the_state_carried_are_the_whole() -> None:
    made = network().eval()
    whole, end = made(CODES, state=())
    first, state = made(CODES[:5], state=())
    second, last = made(CODES[5:], state=state)
    assert torch.allclose(torch.cat([first, second]), whole, atol=1e-6)
    assert torch.allclose(last[1][1], end[1][1], atol=1e-6)
    lengths = torch.tensor([T, 5, 0, T])
    ragged, ends = made(CODES, lengths, state=())
    assert torch.allclose(ragged[:5, 1], whole[:5, 1], atol=1e-6)
    assert torch.allclose(ends[0][0][:, 1], state[0][0][:, 1], atol=1e-6)
    assert torch.equal(ends[0][0][:, 2], torch.zeros(1, H))


def test_charges_are_gradient_alone_and_taken_once() -> None:
    truth = TRUTH.clone()
    truth[0, :] = -1
    made = network()
    logits = made(CODES, masks=drawn(made))
    losses, count = cross_entropy()(logits, truth)
    assert count == (T - 1) * B
    expected = torch.nn.functional.cross_entropy(logits[1:].flatten(0, 1), TRUTH[1:].flatten())
    assert losses.sum().item() / count == pytest.approx(expected.item(), rel=1e-6)
    charge = charged(TrainingOptions(), made, None)
    assert charge is not None
    weight = made.layers[1].weight_hh_l0
    assert torch.autograd.grad(charge, weight)[0].abs().max() > 1e-4
    assert charged(TrainingOptions(), made, None) is None
    made.eval()(CODES)
    assert made.charge is None  # nothing is charged for outside training


def test_charges_by_hand() -> None:
    states = torch.tensor([[[1.0, 2.0]], [[3.0, 2.0]], [[3.0, 0.0]]])
    assert activation_cost(states).item() == pytest.approx((1 + 4 + 9 + 4 + 9 + 0) / 6)
    assert slowness_cost(states).item() == pytest.approx((4 + 0 + 0 + 4) / 4)
    assert slowness_cost(states[:1]).item() == 0.0
