"""The forecaster's options put together, and the check that comes before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from gatewise.choices import (
    Baseline,
    LikelihoodName,
    Normalise,
    PointLoss,
    Pretrained,
    TransformName,
)
from gatewise.errors import OptionError
from gatewise.estimators.options import (
    ColumnOptions,
    EstimatorOptions,
    NetworkOptions,
    TableOptions,
    check_gate_costs,
    check_heads,
    check_long_memory,
)
from gatewise.estimators.reading import ReadingOptions
from gatewise.estimators.run.known import register
from gatewise.options import levels, on_or_off, one_of, option, options_of, or_none, some_of, whole

if TYPE_CHECKING:
    from gatewise.typing import Names


USUAL_LEVELS = (0.1, 0.5, 0.9)
"""Of a likelihood where no quantiles are named."""


def _is_pretrained(text: str) -> bool:
    """Tell whether a baseline is a pre-trained model and where it lies, such as "tirex=FOLDER"."""
    name, _, place = text.partition("=")
    return name in get_args(Pretrained) and bool(place)


@dataclass(kw_only=True, eq=False)
class TaskOptions:
    """What is predicted: the target now, or how many steps ahead, from how many steps of history."""

    horizon: int = option(
        0,
        "Task and parts",
        "Steps to forecast; 0 is a virtual sensor: the target now, from the inputs up to now.",
        whole(0),
    )
    lookback: int | None = option(
        None,
        "Task and parts",
        "Steps the network looks back.",
        or_none(whole(1), "by the data"),
        default_means="96; of a forecast two seasons and the horizon, where the data allows",
    )


# Python takes the fields of base classes from the last to the first: columns come first.
@dataclass(kw_only=True, eq=False, repr=False)
class ForecasterSettings(
    EstimatorOptions, NetworkOptions, TableOptions, TaskOptions, ReadingOptions, ColumnOptions
):
    """The options of `Forecaster`; the constructor only keeps them, `check_options` judges them.

    Columns: `target`, `inputs` (known up to now), `future` (known ahead, such as the calendar),
    `static` (one value per series), `time`, `series`. Time is counted in steps of the table.
    """

    before: ClassVar[Mapping[str, Any]] = {
        "calibrate": False,
        "normalise": "none",
        "transform": "none",
        "refit": False,
        "loss": "squared",
    }

    # Of a virtual sensor one suffices, as of every other estimator.
    members: int | None = option(  # type: ignore[assignment]
        None,
        "Network",
        "Networks with seeds of their own; mean and spread are reported.",
        or_none(whole(1, 10_000), "by the data"),
        default_means="1; of a forecast from few windows 3",
        more="Their seeds are `seed`, `seed` + 1, …; predictions are their mean.",
    )
    normalise: Normalise = option(
        "auto",
        "Task and parts",
        "What a forecast adds to in each window, and the spread that it is measured in.",
        one_of(Normalise),
        more="See [below](#windows-with-a-level-of-their-own).",
    )
    transform: TransformName = option(
        "auto",
        "Task and parts",
        "What is taken of a forecast's target before anything else.",
        one_of(TransformName),
    )
    positive: bool = option(
        False,
        "Task and parts",
        "Never predict below 0: neither the value nor a quantile.",
        on_or_off(),
        more="What is below becomes 0, of the baselines too; a negative target is refused.",
    )
    season: int | None = option(
        None,
        "Task and parts",
        "Steps in a season, for the baselines.",
        or_none(whole(1), "found in the time step or the values"),
        default_means="found",
        more="From the time step, else by autocorrelation in the training part.",
    )
    baselines: Sequence[str] | None = option(
        None,
        "Task and parts",
        "Baselines to score beside the network.",
        or_none(
            some_of(Baseline, "tirex=FOLDER", _is_pretrained),
            "all that apply but ets, theta and boosting",
        ),
        default_means="all that apply but `ets`, `theta` and `boosting`",
        more='A list, such as `["climatology"]`; these three need the extra `baselines`. '
        "`tirex=FOLDER` and `tirex2=FOLDER` add the forecasts of a pre-trained TiRex or TiRex-2 that "
        "lies there, and need the extra of that name.",
    )
    loss: PointLoss = option(
        "auto",
        "Training",
        "What a prediction without quantiles is trained with.",
        one_of(PointLoss),
        more="`squared` predicts means, `absolute` medians, `huber` (Huber 1964) something between. "
        "`auto`: squared; of a forecast absolute.",
    )
    quantiles: Sequence[float] | None = option(
        None,
        "Network",
        "Quantile levels to predict, such as 0.1 0.5 0.9.",
        or_none(levels(), "none"),
        default_means="none",
        more="Trained with the pinball loss, or read from the `likelihood`. The median predicts.",
    )
    likelihood: LikelihoodName | None = option(
        None,
        "Network",
        "Distribution to predict, which the quantiles are read from; residuals: a point and how far off "
        "it was on the validation part.",
        or_none(one_of(LikelihoodName), "none"),
        default_means="none",
        more="See [below](#bands-and-distributions).",
    )
    calibrate: bool = option(
        True,
        "Network",
        "Move the quantiles by the errors on the validation part, so that they hold what they promise.",
        on_or_off(),
        changeable=True,
        more="See [below](#bands-and-distributions).",
    )

    def check_options(self) -> None:
        """Raise `OptionError` for the first option outside what it may be, alone or with others."""
        super().check_options()
        self.check_reading()
        strange = sorted(
            set(as_names(self.categories))
            - {*as_names(self.inputs), *as_names(self.future), *as_names(self.static)}
        )
        if strange:
            raise OptionError(
                f"categories={strange} are none of the inputs, future or static columns: list them "
                "there too"
            )
        check_heads(self)
        check_long_memory(self)
        check_gate_costs(self, self.cell)
        if self.counts and not {self.normalise, self.transform} <= {"auto", "none"}:
            name = "transform" if self.normalise in ("auto", "none") else "normalise"
            raise OptionError(
                f"{name}={getattr(self, name)!r} with likelihood='negative-binomial': counts are taken "
                f"as they are, and each window's mean as their rate; leave {name} at 'auto'"
            )
        if self.likelihood == "residuals" and not self.calibrate:
            raise OptionError(
                "likelihood='residuals' has no band but that of the errors on the validation part: "
                "leave calibrate on, or name another likelihood"
            )
        if self.horizon == 0 and as_names(self.future):
            raise OptionError(
                "future columns need a horizon of at least 1; with horizon=0 the model sees inputs up "
                f"to now: move {', '.join(as_names(self.future))} to inputs"
            )
        if self.horizon == 0 and not as_names(self.inputs):
            raise OptionError(
                "with horizon=0 (a virtual sensor) the target is never seen, so at least one input "
                "column is needed: name it with inputs=, or set a horizon of at least 1"
            )

    @property
    def steps_back(self) -> int:
        """The lookback, once it is settled."""
        assert self.lookback is not None
        return self.lookback

    @property
    def member_count(self) -> int:
        """The number of members, once it is settled."""
        assert self.members is not None
        return self.members

    @property
    def counts(self) -> bool:
        """Whether the targets are counts, which are not scaled."""
        return self.likelihood == "negative-binomial"

    def levels(self) -> tuple[float, ...]:
        """Return the quantile levels in ascending order, the median added; empty without a band."""
        quantiles = self.quantiles
        if quantiles is None:
            if self.likelihood is None:
                return ()
            quantiles = USUAL_LEVELS
        return tuple(sorted({float(level) for level in quantiles} | {0.5}))


def as_names(value: Names | None) -> tuple[str, ...]:
    """Return column names given as one name, several or None as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


register("forecaster", (name for name, _, _ in options_of(ForecasterSettings)))
