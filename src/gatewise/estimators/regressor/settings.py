"""The options of `Regressor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.choices import PointLoss
from gatewise.estimators.run.known import register
from gatewise.estimators.sequences.options import BaselineOptions, ReadOptions, SequenceOptions
from gatewise.options import levels, on_or_off, one_of, option, options_of, or_none


@dataclass(kw_only=True, eq=False, repr=False)
class RegressorSettings(SequenceOptions, ReadOptions, BaselineOptions):
    """The options of `Regressor`; the constructor only keeps them, `check_options` judges them."""

    loss: PointLoss = option(
        "auto",
        "Training",
        "What a prediction without quantiles is trained with.",
        one_of(PointLoss),
        more="`auto`: squared.",
    )
    quantiles: Sequence[float] | None = option(
        None,
        "Network",
        "Quantile levels to predict, such as 0.1 0.5 0.9.",
        or_none(levels(), "none"),
        default_means="none",
        more="Trained with the pinball loss; the median predicts.",
    )
    calibrate: bool = option(
        True,
        "Network",
        "Move the quantiles by the errors on the validation part, so that they hold what they promise.",
        on_or_off(),
        changeable=True,
    )

    def levels(self) -> tuple[float, ...]:
        """Return the quantile levels in ascending order, the median added; () without a band."""
        if self.quantiles is None:
            return ()
        return tuple(sorted({float(level) for level in self.quantiles} | {0.5}))


register("regressor", (name for name, _, _ in options_of(RegressorSettings)))
