import pytest
import torch

from gatewise.training.distributed import World
from gatewise.training.randomness import Purpose, generator
from tests.estimators.toy import HIDDEN, equal, network, weights


def draw(made, *, batch=10, steps=6, rows=slice(None), seed=0):
    return made.draw_masks(generator(seed, Purpose.DROPOUT, 1), steps, batch, rows)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_head_reads_the_last_hidden_states_of_the_stack(cell):
    made = network(cell=cell, num_layers=2)
    made.steps = 3
    x = torch.randn(6, 4, 1, generator=torch.Generator().manual_seed(0))
    hidden = made.layers[1](made.layers[0](x)[0])[0]
    torch.testing.assert_close(made(x), made.head(hidden[-3:]))


@pytest.mark.parametrize(("cell", "gate"), [("lstm", 1), ("gru", 1)])
def test_the_gate_that_keeps_starts_open(cell, gate):
    layer = network(cell=cell, forget_bias=2.5).layers[0]
    total = (layer.bias_ih_l0 + layer.bias_hh_l0)[gate * HIDDEN : (gate + 1) * HIDDEN]
    torch.testing.assert_close(total, torch.full((HIDDEN,), 2.5))


@pytest.mark.parametrize(("cell", "kept"), [("lstm", 2), ("gru", 2)])
def test_a_long_memory_starts_every_layer_for_its_steps(cell, kept):
    made = network(cell=cell, num_layers=2, long_memory=1000)
    for layer in made.layers:
        total = (layer.bias_ih_l0 + layer.bias_hh_l0)[HIDDEN : kept * HIDDEN].exp()
        assert bool(((total >= 999) & (total <= 10_001)).all())
        assert not layer.weight_hh_l0.any()


def test_first_weights_follow_from_the_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = network(3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert equal(weights(first), weights(network(3)))
    assert not equal(weights(first), weights(network(4)))


def test_masks_of_the_processes_put_together_are_the_mask_of_one():
    made = network(num_layers=3, dropout=0.4)
    whole = draw(made)
    parts = [draw(made, rows=World(rank, 3).rows(10)) for rank in range(3)]
    assert [mask.shape for mask in whole] == [(6, 10, HIDDEN), (6, 10, HIDDEN), (1, 10, HIDDEN)]
    for layer, mask in enumerate(whole):
        assert torch.equal(torch.cat([part[layer] for part in parts], dim=1), mask)


def test_masks_drop_the_asked_share_and_keep_the_mean():
    mask = draw(network(num_layers=2, dropout=0.25), batch=2000, steps=8)[0]
    assert sorted(mask.unique().tolist()) == pytest.approx([0, 4 / 3])
    # 128,000 draws: the standard error of the share is 0.0012
    assert (mask == 0).float().mean().item() == pytest.approx(0.25, abs=0.006)


def test_a_dropped_input_of_the_head_does_not_reach_the_output():
    made = network(dropout=0.5)
    x = torch.randn(6, 4, 1, generator=torch.Generator().manual_seed(0))
    bias = made.head.linear.bias.view(1, 1, 1, 1).expand(4, 1, 1, 1)
    torch.testing.assert_close(made(x, [torch.zeros(1, 4, HIDDEN)]), bias)
    assert not torch.allclose(made(x), bias)


def test_without_dropout_nothing_is_drawn():
    assert draw(network()) is None
