"""The options of a training run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from gatewise.choices import Optimizer, Schedule
from gatewise.options import (
    between,
    number,
    one_of,
    option,
    or_auto,
    or_none,
    share_below_one,
    whole,
)

GATE_COSTS = ("write_cost", "forget_cost", "saturation_cost")
"""Options that are weights of costs on gates: see `gatewise.penalties`."""


EPOCHS, PATIENCE, BATCH_SIZE = 100, 15, 64
LEARNING_RATE = {"adamw": 3e-3, "sgd": 1.0}
"""What the loop takes where an estimator leaves it open."""


@dataclass(kw_only=True, eq=False)
class TrainingOptions:
    """How a network is trained. The loop takes values as they are: the estimators check theirs.

    epochs or steps: what is counted, passes over the training part or gradient steps. patience, in the
    same unit: None runs to the end and keeps the last weights. batch_size: over all processes together.
    schedule: "cosine" goes to 0 at the end, "one-cycle" first rises for 30 % of the steps (Smith and
    Topin 2019), "plateau" halves the rate whenever a third of the
    patience, or of the whole where that is None, brought nothing better. weight_decay: decoupled
    (Loshchilov and Hutter 2019), on weight matrices, not on biases. seed: of the order of windows,
    dropout and noise. average, average_after: the averaged weights are validated and kept in place of
    the last ones.
    """

    epochs: int | None = option(
        None,
        "Training",
        "Passes over the training part, at most; in place of {steps}.",
        or_none(whole(1), "by the data"),
        default_means="100; of a text by its length; of a forecast counted in steps",
        changeable=True,
    )
    steps: int | None = option(
        None,
        "Training",
        "Gradient steps, at most; in place of {epochs}.",
        or_none(whole(1), "by the data"),
        default_means="of a forecast by the size of the data; else counted in epochs",
        changeable=True,
    )
    patience: int | Literal["auto"] | None = option(
        "auto",
        "Training",
        "Stop after so many epochs, or with {steps} so many steps, without a better validation loss and "
        "keep the best weights; {none}: run to the end and keep the last ones.",
        or_none(or_auto(whole(1)), "no early stopping: the last weights are kept"),
        changeable=True,
        more="`auto`: 15 epochs; of a forecast that is counted in steps none.",
    )
    batch_size: int | None = option(
        None,
        "Training",
        "Windows per training step.",
        or_none(whole(1), "by the data"),
        default_means="64; of a forecast by the number of windows",
    )
    learning_rate: float | None = option(
        None,
        "Training",
        "Learning rate at the start.",
        or_none(
            number("a number above 0 and at most 1000", lambda rate: 0 < rate <= 1000),
            "by the task",
        ),
        default_means="0.003, of SGD 1; of a forecast 0.01",
        changeable=True,
    )
    schedule: Schedule = option(
        "auto",
        "Training",
        "How the learning rate goes.",
        one_of(Schedule),
        more="`auto`: cosine; of a forecast one-cycle.",
    )
    optimizer: Optimizer = option(
        "adamw",
        "Training",
        "What takes the steps: AdamW, or plain gradient descent (`sgd`).",
        one_of(Optimizer),
    )
    weight_decay: float = option(
        0.0, "Training", "Weight decay, of matrices, not of biases.", between(0, 1000)
    )
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
    average_after: int | None = option(
        None,
        "Training",
        "Average all weights from where the loss is above the best of all but so many rounds before.",
        or_none(whole(1), "off"),
        default_means="off",
        more="With `sgd` and 5, what AWD-LSTM does (Merity, Keskar and Socher 2018). A round is an "
        "epoch, or a twentieth of `steps`; the loss that of the validation part. Not beside `average`.",
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

    def closed(self) -> TrainingOptions:
        """Return the options with what is left open set to what the loop takes then."""
        steps = self.steps
        patience = self.patience
        if patience == "auto":
            patience = PATIENCE if steps is None else max(1, steps // 4)
        return replace(
            self,
            epochs=(self.epochs or EPOCHS) if steps is None else None,
            patience=patience,
            schedule="cosine" if self.schedule == "auto" else self.schedule,
            batch_size=self.batch_size or BATCH_SIZE,
            learning_rate=self.learning_rate or LEARNING_RATE[self.optimizer],
        )
