"""The options of a training run."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.choices import Schedule
from gatewise.options import between, number, one_of, option, or_none, share_below_one, whole

GATE_COSTS = ("write_cost", "forget_cost", "saturation_cost")
"""Options that are weights of costs on gates: see `gatewise.penalties`."""


@dataclass(kw_only=True, eq=False)
class TrainingOptions:
    """How a network is trained. The loop takes values as they are: the estimators check theirs.

    patience: None runs all epochs and keeps the last weights. batch_size: over all processes together.
    schedule: "cosine" goes to 0 over all epochs, "plateau" halves the rate whenever a third of the
    patience, or of the epochs where that is None, brought nothing better. weight_decay: decoupled
    (Loshchilov and Hutter 2019), on weight matrices, not on biases. seed: of the order of windows,
    dropout and noise. average: the averaged weights are validated and kept in place of the last ones.
    """

    epochs: int = option(
        100,
        "Training",
        "Passes over the training part, at most.",
        whole(1),
        changeable=True,
    )
    patience: int | None = option(
        15,
        "Training",
        "Stop after so many epochs without a better validation loss and keep the best weights; "
        "{none}: run all epochs and keep the last ones.",
        or_none(whole(1), "no early stopping: the last weights are kept"),
        changeable=True,
    )
    batch_size: int = option(64, "Training", "Windows per training step.", whole(1))
    learning_rate: float = option(
        3e-3,
        "Training",
        "Learning rate at the start.",
        number("a number above 0 and at most 1000", lambda rate: 0 < rate <= 1000),
        changeable=True,
    )
    schedule: Schedule = option(
        "cosine", "Training", "How the learning rate falls.", one_of(Schedule)
    )
    weight_decay: float = option(0.0, "Training", "Weight decay (AdamW).", between(0, 1000))
    clip: float | None = option(
        1.0,
        "Training",
        "Largest norm of the gradient; {none}: no clipping.",
        or_none(number("a number above 0", lambda norm: norm > 0), "no clipping"),
    )
    average: float | None = option(
        None,
        "Training",
        "Decay of the weights' moving average.",
        or_none(share_below_one(), "off"),
        default_means="off",
        more="It is validated, and kept instead of the last weights.",
    )
    write_cost: float = option(
        0.0,
        "Training",
        "Price of an open write gate: a sparser, more readable memory.",
        between(0, 1000),
        more="See [below](#costs-on-gates).",
    )
    forget_cost: float = option(
        0.0,
        "Training",
        "Price of a forget gate that is not open: a longer memory.",
        between(0, 1000),
    )
    saturation_cost: float = option(
        0.0,
        "Training",
        "Price of gates below 0.1 or above 0.9: gradients keep flowing.",
        between(0, 1000),
    )
    noise: float = option(
        0.0,
        "Network",
        "Standard deviation of noise on the scaled inputs, in training.",
        between(0, 1000),
        more="Gaussian, on measured inputs alone (Bishop 1995).",
    )
    seed: int = option(
        0,
        "Training",
        "Seed of the first member.",
        whole(0, None),
        changeable=True,
        more="Everything random follows from it; the global generator is left alone.",
    )
