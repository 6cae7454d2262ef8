from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from gatewise.engines import ENGINES
from gatewise.estimators.language.network import LanguageNetwork, next_token_loss
from gatewise.estimators.language.settings import Restraints
from gatewise.estimators.sequences.drops import (
    activation_cost,
    drawn_mask,
    run_with_dropped_weights,
    slowness_cost,
)
from gatewise.nn import GRU, LSTM
from gatewise.training.randomness import Purpose, generator, seeded

V, E, H, T, B = 7, 5, 6, 9, 4
ALL = Restraints(
    dropout=0.5, variational=True, input_dropout=0.2, embedding_dropout=0.3, weight_drop=0.4,
    activation_cost=2.0, slowness_cost=1.0,
)  # fmt: skip


def network(restraints: Restraints = ALL, **more: Any) -> LanguageNetwork:
    sizes = {"tokens": V, "embedding": E, "hidden_size": H, "num_layers": 2, "tied": True, **more}
    with seeded(3):
        made = LanguageNetwork(
            cell="lstm", forget_bias=1.0, engine="auto", restraints=restraints, **sizes
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
    tokens, read, *layers = drawn(network()) or []
    assert tokens.shape == (V, 1)
    assert read.shape == (1, B, E)
    assert [tuple(mask.shape) for mask in layers] == [(4 * H, H), (1, B, H)] * 2
    assert tokens.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    apart = drawn(network(replace(ALL, variational=False))) or []
    assert apart[1].shape == (T, B, E)
    assert apart[3].shape == (T, B, H)
    assert not (apart[3] == apart[3][:1]).all()  # every step by itself
    share = drawn_mask(generator(0, Purpose.DROPOUT), (1000, 10), 0.25)
    assert float((share == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(share.mean()) == pytest.approx(1.0, abs=0.03)


def test_processes_that_share_a_batch_drop_what_one_would() -> None:
    whole = drawn(network()) or []
    part = drawn(network(), slice(1, 3)) or []
    for one, other in zip(whole, part, strict=True):
        expected = one[:, 1:3] if one.shape[:2] == (1, B) else one
        assert torch.equal(other, expected)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_dropped_weights_are_weights_that_are_zero(kind: type) -> None:
    layer = kind(E, H, engine="native")
    x = torch.randn(T, B, E)
    mask = drawn_mask(generator(0, Purpose.DROPOUT), tuple(layer.weight_hh_l0.shape), 0.4)
    other = kind(E, H, engine="native")
    other.load_state_dict(layer.state_dict())
    with torch.no_grad():
        other.weight_hh_l0 *= mask
    got, _ = run_with_dropped_weights(layer, mask, x)
    expected, _ = other(x)
    assert torch.equal(got, expected)
    got.square().sum().backward()
    expected.square().sum().backward()
    assert torch.equal(layer.weight_hh_l0.grad, other.weight_hh_l0.grad * mask)
    assert torch.equal(layer.weight_ih_l0.grad, other.weight_ih_l0.grad)
    assert layer(x)[0].equal(layer(x)[0])  # the layer has its own weights again
    assert not torch.equal(layer(x)[0], got)


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
    made = network(Restraints(embedding_dropout=0.5))
    (mask,) = drawn(made) or []
    lost = int((mask == 0).flatten().nonzero()[0])
    others = int((mask > 0).flatten().nonzero()[0])
    x = torch.full((3, 1), lost)
    blank = network(Restraints())
    with torch.no_grad():
        blank.table.weight[lost] = 0.0
    logits = made(x, masks=[mask])
    seen = made._embedded(x, iter([mask]))
    assert not seen.any()
    assert torch.equal(seen, blank._embedded(x, None))
    assert not torch.equal(logits, made(torch.full((3, 1), others), masks=[mask]))


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


def test_the_loss_is_that_of_known_tokens_and_charges_are_gradient_alone() -> None:
    truth = TRUTH.clone()
    truth[0, :] = -1
    made = network()
    logits, charge = made(CODES, masks=drawn(made))
    losses, count = next_token_loss((logits, charge), truth)
    plain, same = next_token_loss(logits, truth)
    assert count == same == (T - 1) * B
    expected = torch.nn.functional.cross_entropy(logits[1:].flatten(0, 1), TRUTH[1:].flatten())
    assert plain.sum().item() / count == pytest.approx(expected.item(), rel=1e-6)
    assert losses.sum().item() == pytest.approx(plain.sum().item(), rel=1e-6)
    weight = made.layers[1].weight_hh_l0
    got, entropy, charged = (
        torch.autograd.grad(value, weight, retain_graph=True)[0]
        for value in (losses.sum(), plain.sum(), charge)
    )
    assert charged.abs().max() > 1e-4
    assert torch.allclose(got, entropy + count * charged, atol=1e-5)
    assert isinstance(made.eval()(CODES), Tensor)  # nothing is charged for outside training


def test_charges_by_hand() -> None:
    states = torch.tensor([[[1.0, 2.0]], [[3.0, 2.0]], [[3.0, 0.0]]])
    assert activation_cost(states).item() == pytest.approx((1 + 4 + 9 + 4 + 9 + 0) / 6)
    assert slowness_cost(states).item() == pytest.approx((4 + 0 + 0 + 4) / 4)
    assert slowness_cost(states[:1]).item() == 0.0
