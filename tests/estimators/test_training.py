from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from gatewise.errors import GatewiseError
from gatewise.training import inference
from gatewise.training.distributed import World
from gatewise.training.inference import mean_loss, predict
from gatewise.training.loop import train
from gatewise.training.losses import per_row, pinball, squared_error
from gatewise.training.task import Task
from tests.estimators.toy import LEVELS, DelayLine, equal, network, options, weights

TRAINING = DelayLine.draw(70, seed=1)  # batches of 16 leave a last one of 6
VALIDATION = DelayLine.draw(33, seed=2)


def fitted(*, validation=VALIDATION, made=None, training=TRAINING, **changes):
    made = made or network(dropout=changes.pop("dropout", 0.0))
    chosen = options(**changes)
    history = train(
        Task(made, training, validation, per_row(squared_error)), chosen, progress=False
    )
    return made, history


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_learns_the_delay_line(cell):
    made = network(cell=cell)
    training, test = DelayLine.draw(500, seed=3), DelayLine.draw(200, seed=4)
    fitted(made=made, training=training, epochs=20, patience=20, learning_rate=0.05)
    error = predict(made, test)[..., 0] - test.y
    assert np.mean(error**2) < 0.02 * np.var(test.y)


def test_learns_quantiles_of_noise():
    training = DelayLine.draw(2000, seed=5)
    training = replace(training, x=np.zeros_like(training.x))  # nothing to see: a distribution
    made = network(quantiles=True)
    with torch.no_grad():
        made.head.linear.bias.copy_(torch.tensor([0.0, 3.0, 0.0]))
    chosen = options(epochs=20, learning_rate=0.05, batch_size=100)
    train(Task(made, training, None, per_row(pinball(LEVELS))), chosen, progress=False)
    learnt = predict(made, training)[0, 0, 0]
    assert learnt == pytest.approx(np.quantile(training.y, LEVELS), abs=0.1)


def test_one_seed_gives_one_result_and_leaves_the_global_generator_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, history = fitted(dropout=0.3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second, again = fitted(dropout=0.3)
    assert equal(weights(first), weights(second))
    assert replace(history, seconds=0) == replace(again, seconds=0)
    assert predict(first, VALIDATION).tobytes() == predict(second, VALIDATION).tobytes()


def test_another_seed_gives_another_order_and_other_masks():
    plain, _ = fitted(seed=0)
    assert not equal(weights(plain), weights(fitted(seed=1)[0]))
    whole = {"batch_size": 70}  # one batch: the order of windows is no part of it
    dropped, _ = fitted(dropout=0.5, seed=0, **whole)
    assert not equal(weights(dropped), weights(fitted(dropout=0.5, seed=1, **whole)[0]))


def test_epochs_draw_orders_of_their_own():
    seen = []

    class Spy(DelayLine):
        def gather(self, picks):
            seen.append(picks)
            return super().gather(picks)

    fitted(training=Spy(TRAINING.x, TRAINING.y), validation=None, epochs=2)
    assert [len(picks) for picks in seen] == [16, 16, 16, 16, 6] * 2
    first, second = np.concatenate(seen[:5]), np.concatenate(seen[5:])
    assert sorted(first) == sorted(second) == list(range(70))
    assert first.tolist() != second.tolist() != list(range(70))


def test_early_stopping_keeps_the_best_weights():
    noise = replace(VALIDATION, y=VALIDATION.y[::-1].copy())  # learning makes this worse
    made, history = fitted(validation=noise, epochs=60, patience=5, learning_rate=0.03)
    assert len(history.train) == history.kept_epoch + 5 < 60
    best = min(history.validation)
    assert history.validation.index(best) == history.kept_epoch - 1
    assert mean_loss(made, noise, per_row(squared_error), 16, World()) == best
    assert history.validation[-1] > best


def test_without_validation_the_last_weights_stay():
    made, history = fitted(validation=None, epochs=6, patience=2, schedule="constant")
    assert history.validation == ()
    assert history.kept_epoch == len(history.train) == 6
    shorter, _ = fitted(validation=None, epochs=5, schedule="constant")
    assert not equal(weights(made), weights(shorter))


def test_without_patience_all_epochs_run_and_the_last_weights_stay():
    noise = replace(VALIDATION, y=VALIDATION.y[::-1].copy())
    settings = {"epochs": 9, "learning_rate": 0.03}
    made, history = fitted(validation=noise, patience=None, **settings)
    assert len(history.validation) == history.kept_epoch == 9
    assert history.validation[-1] > min(history.validation)
    assert equal(weights(made), weights(fitted(validation=None, **settings)[0]))


def test_noise_is_on_every_input_of_training_and_on_none_of_validation():
    seen = []
    made = network()
    made.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    still = replace(VALIDATION, x=np.zeros_like(VALIDATION.x))
    training = DelayLine.draw(1000, seed=3)
    training = replace(training, x=np.ones_like(training.x))
    fitted(made=made, training=training, validation=still, epochs=2, batch_size=1000, noise=0.3)
    assert len(seen) == 4  # two epochs of one step, each with one batch of validation
    first, clean, second, _ = seen
    assert (clean == 0).all()
    assert not torch.equal(first, second)
    # 8,000 draws: standard errors of 0.0034 and 0.0024
    assert first.mean().item() == pytest.approx(1, abs=0.014)
    assert first.std().item() == pytest.approx(0.3, abs=0.01)
    assert (first.std(dim=0) > 0).all()


def test_the_average_is_validated_and_kept():
    made, history = fitted(average=0.95, epochs=5)
    assert mean_loss(made, VALIDATION, per_row(squared_error), 16, World()) == min(
        history.validation
    )
    plain, _ = fitted(epochs=5)
    assert not equal(weights(made), weights(plain))


@pytest.mark.parametrize("batch_size", [70, 71, 5000])
def test_a_batch_larger_than_the_data_is_all_of_it(batch_size):
    whole, history = fitted(batch_size=70, validation=None, epochs=2)
    larger, _ = fitted(batch_size=batch_size, validation=None, epochs=2)
    assert equal(weights(whole), weights(larger))
    assert history.train[0] == pytest.approx(
        mean_loss(network(), TRAINING, per_row(squared_error), 70, World())
    )


def test_predictions_of_a_ragged_batch_are_in_order():
    made = network()
    whole = predict(made, VALIDATION, batch_size=33)
    assert predict(made, VALIDATION, batch_size=10) == pytest.approx(whole, abs=1e-6)
    assert whole.shape == (33, 1, 1, 1)
    assert whole.dtype == np.float32


def gradient_norms(**changes):
    norms = []

    def note(optimizer, *_):
        parameters = [weight for group in optimizer.param_groups for weight in group["params"]]
        norms.append(torch.stack([weight.grad.norm() for weight in parameters]).norm().item())

    hook = register_optimizer_step_pre_hook(note)
    try:
        fitted(**changes)
    finally:
        hook.remove()
    return norms


def test_clipping_bounds_the_norm_of_every_gradient():
    free = gradient_norms(clip=None)
    assert max(free) > 0.2
    assert max(gradient_norms(clip=0.2)) <= 0.2 * (1 + 1e-5)
    assert max(gradient_norms(clip=100.0)) == pytest.approx(max(free))


def test_weight_decay_shrinks_matrices_and_spares_biases():
    blank = replace(TRAINING, y=np.full_like(TRAINING.y, np.nan))  # no known truth: no gradient
    made, start = network(), weights(network())
    settings = {"learning_rate": 0.1, "weight_decay": 0.5, "schedule": "constant"}
    fitted(made=made, training=blank, validation=None, epochs=1, **settings)
    for name, weight in made.named_parameters():
        shrunk = (1 - 0.1 * 0.5) ** 5 if weight.dim() > 1 else 1.0
        torch.testing.assert_close(weight.data, start[name] * shrunk)


def test_rates_of_the_history_follow_the_schedule():
    _, history = fitted(schedule="plateau", patience=3, epochs=12, learning_rate=0.05)
    assert history.learning_rate[0] == 0.05
    assert {later / earlier for earlier, later in pairwise(history.learning_rate)} <= {0.5, 1.0}


@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_loss_that_is_not_finite_names_the_epoch_and_what_to_try(part):
    broken = replace(VALIDATION, y=VALIDATION.y.copy())
    broken.y[3] = np.inf
    with pytest.raises(
        GatewiseError, match=r"broke down in epoch 1,.*: try learning_rate=0.003 \(it was 0.01\)$"
    ):
        fitted(**{part: broken})
    with pytest.raises(GatewiseError, match=r"=0.003 \(it was 0.01\) and clip=1 \(it was none\)$"):
        fitted(clip=None, **{part: broken})


def test_weights_that_are_not_finite_are_no_result():
    with pytest.raises(GatewiseError, match="broke down in epoch"):
        fitted(learning_rate=1e38, validation=None, clip=None, epochs=20)


def test_wide_windows_are_predicted_in_smaller_batches(monkeypatch):
    made, asked = network(), []

    class Noted(DelayLine):
        def gather(self, picks):
            asked.append(len(picks))
            return super().gather(picks)

    windows = Noted(VALIDATION.x, VALIDATION.y)
    whole = predict(made, windows)
    monkeypatch.setattr(inference, "BATCH_VALUES", windows.measured.size * 10 + 1)
    np.testing.assert_allclose(predict(made, windows), whole, atol=1e-6)
    assert asked == [33, 10, 10, 10, 3]
    monkeypatch.setattr(inference, "BATCH_VALUES", 1)  # a window is read, however wide it is
    assert len(predict(made, windows)) == 33


def test_steps_are_counted_over_the_passes_and_judged_twenty_times():
    seen = []

    class Spy(DelayLine):
        def gather(self, picks):
            seen.append(picks)
            return super().gather(picks)

    spy = Spy(TRAINING.x, TRAINING.y)
    counted = {"epochs": None, "steps": 42, "patience": None, "schedule": "constant"}
    _, history = fitted(training=spy, **counted)
    assert len(seen) == 42
    assert (history.round_steps, history.steps, history.kept_steps) == (3, 42, 42)
    assert history.kept() == "step 42 of 42"
    assert len(history.train) == len(history.validation) == 14
    passes = np.concatenate(seen[:5]), np.concatenate(seen[5:10])
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(70))
    # as many epochs of five steps do the same: how often it is judged changes nothing
    whole, _ = fitted(**counted | {"steps": 40})
    assert equal(weights(whole), weights(fitted(epochs=8, patience=None, schedule="constant")[0]))


def test_patience_counts_steps_where_those_are_counted():
    noise = replace(VALIDATION, y=VALIDATION.y[::-1].copy())  # learning makes this worse
    settings = {"epochs": None, "steps": 200, "learning_rate": 0.03}
    _, history = fitted(validation=noise, patience=30, **settings)
    assert history.steps == history.kept_steps + 30 < 200


def test_a_training_that_is_stopped_goes_at_the_rates_of_the_whole():
    task = Task(network(), TRAINING, None, per_row(squared_error))
    chosen = options(epochs=None, steps=40)
    history = train(task, chosen, progress=False, stop=21)
    _, whole = fitted(validation=None, epochs=None, steps=40)
    assert history.steps == 21
    assert history.learning_rate[:10] == whole.learning_rate[:10]
    assert history.train[:10] == whole.train[:10]
