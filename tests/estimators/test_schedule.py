from itertools import pairwise

import pytest
import torch

from gatewise.training.average import Average, averaged_from
from gatewise.training.schedule import Rounds, learning_rate, plateaus
from tests.estimators.toy import options


def rates(count, losses=(), **changes):
    chosen = options(learning_rate=0.1, **changes)
    return [rate_of(chosen, step, losses) for step in range(count)]


def rate_of(chosen, step, losses):
    """Return the rate of a step of epochs of five steps each."""
    return learning_rate(chosen, Rounds.of(chosen, 5), step, losses)


def test_cosine_falls_from_the_full_rate_to_nothing_over_all_epochs():
    # 4 epochs of 5 steps: (1 + cos(pi k / 20)) / 2 of the full rate
    got = rates(21, epochs=4, schedule="cosine")
    assert got[0] == 0.1
    assert got[10] == pytest.approx(0.05)
    assert got[5] == pytest.approx(0.1 * (1 + 2**-0.5) / 2)
    assert got[20] == pytest.approx(0, abs=1e-12)
    assert all(later < earlier for earlier, later in pairwise(got))


def test_constant_stays():
    assert rates(20, schedule="constant") == [0.1] * 20


def test_plateau_halves_after_a_third_of_the_patience_without_a_better_loss():
    losses = [3.0, 2.0, 2.5, 2.0, 1.0, 1.5, 1.5, 1.5, 1.5]
    got = [
        rate_of(options(learning_rate=0.8, patience=6, schedule="plateau"), 0, losses[:epochs])
        for epochs in range(len(losses) + 1)
    ]
    assert got == [0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2, 0.1]


def test_plateau_waits_a_third_of_the_epochs_where_there_is_no_patience():
    chosen = options(learning_rate=0.8, epochs=30, patience=None, schedule="plateau")
    assert rate_of(chosen, 0, [1.0] * 10) == 0.8
    assert rate_of(chosen, 0, [1.0] * 11) == 0.4


def test_equal_losses_are_not_better():
    assert plateaus([1.0] * 7, wait=3) == 2


def test_the_average_follows_its_recursion():
    network = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    network.weight.data.fill_(7.0)
    average = Average(network, decay=0.3)
    expected = 7.0
    for step, value in enumerate([1.0, -2.0, 4.0, 0.5]):
        network.weight.data.fill_(value)
        average.update(network, step)
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert average.weights["weight"].item() == pytest.approx(expected, rel=1e-12)


def test_the_average_of_constant_weights_is_them():
    network = torch.nn.Linear(3, 2)
    average = Average(network, decay=0.99)
    for step in range(50):
        average.update(network, step)
    torch.testing.assert_close(average.weights["weight"], network.weight.data, rtol=0, atol=0)


def test_lent_weights_are_given_back_even_after_an_error():
    network = torch.nn.Linear(3, 2)
    average = Average(network, decay=0.5)
    own = network.weight.detach().clone()
    average.weights["weight"].fill_(9.0)

    def fail_while_lent():
        with average.lent_to(network):
            assert (network.weight == 9).all()
            raise KeyError

    with pytest.raises(KeyError):
        fail_while_lent()
    assert torch.equal(network.weight, own)


def test_without_a_decay_the_average_is_the_mean_from_where_it_begins():
    network = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    average = Average(network, decay=None)
    for step, value in enumerate([1.0, -2.0, 4.0, 0.5]):
        network.weight.data.fill_(value)
        average.update(network, step)
    assert average.weights["weight"].item() == pytest.approx(3.5 / 4, rel=1e-12)


@pytest.mark.parametrize(
    ("losses", "begun"),
    [
        ([5, 4, 3, 2, 1], None),
        ([5, 4, 4.5, 4.5, 4.2], 5),  # above the 4, which is three rounds before
        ([5, 4, 4.5, 3.9, 3], None),
        ([5, 6, 7, 8], 4),  # the first that has more than two rounds before it
        ([5, 6, 7, 5], None),
    ],
)
def test_averaging_begins_where_the_loss_is_above_the_best_of_all_but_the_last_rounds(
    losses, begun
):
    # as in the authors' code: loss > min(losses_before[:-2])
    assert averaged_from(options(average_after=2), losses) == begun
    for number in range(len(losses)):
        known = averaged_from(options(average_after=2), losses[: number + 1])
        before = losses[:number][:-2]
        if begun is None or number + 1 <= begun:
            assert (known is not None) == bool(before and losses[number] > min(before))
    assert averaged_from(options(), losses) is None
    assert averaged_from(options(average=0.9), losses) == 0
