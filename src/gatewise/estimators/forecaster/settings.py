"""The forecaster's options: defaults, what each may be, and the check that comes before any work."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal, Self, get_args

import numpy as np

from gatewise.data.tables.frames import Frequency, Missing
from gatewise.data.tables.scaling import Mode
from gatewise.errors import OptionError, nearest
from gatewise.training.schedule import GATE_COSTS

Names = str | Sequence[str] | None
Bound = float | int | str | date | np.datetime64
"""A share of the time axis, or the first time of a part (an integer for integer times)."""

Cell = Literal["lstm", "gru", "rnn"]
Schedule = Literal["cosine", "plateau", "constant"]
Engine = Literal["auto", "native", "reference", "torch"]
Baseline = Literal["persistence", "seasonal_naive", "climatology", "ridge"]

MANY = 1_000_000_000
"""More rows, epochs or windows than anybody has; what is beyond is a slip, and overflows."""


@dataclass(kw_only=True, eq=False)
class ForecasterSettings:
    """The options of `Forecaster`; the constructor only keeps them, `check` judges them.

    Columns: `target`, `inputs` (known up to now), `future` (known ahead, such as the calendar),
    `static` (one value per series), `time`, `series`. Time is counted in steps of the table.
    """

    target: Names = None
    inputs: Names = ()
    future: Names = ()
    static: Names = ()
    time: str | None = None
    series: str | None = None

    horizon: int = 0
    lookback: int = 96
    validation: Bound = 0.15
    test: Bound | None = 0.15
    frequency: Frequency = "infer"
    missing: Missing = "refuse"
    scale: Mode = "standard"
    season: int | None = None
    baselines: Sequence[str] | None = None

    cell: Cell = "lstm"
    hidden_size: int = 32
    num_layers: int = 1
    dropout: float = 0.0
    noise: float = 0.0
    forget_bias: float | None = 1.0
    quantiles: Sequence[float] | None = None
    members: int = 1

    epochs: int = 100
    patience: int | None = 15
    batch_size: int = 64
    learning_rate: float = 3e-3
    schedule: Schedule = "cosine"
    weight_decay: float = 0.0
    clip: float | None = 1.0
    average: float | None = None
    write_cost: float = 0.0
    forget_cost: float = 0.0
    saturation_cost: float = 0.0
    seed: int = 0

    engine: Engine = "auto"
    device: str = "cpu"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return every option by name (scikit-learn's convention; `deep` changes nothing here)."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Set options by name and return self; an unknown name raises `OptionError`."""
        known = [field.name for field in fields(self)]
        for name, value in params.items():
            if name not in known:
                raise OptionError(f"there is no option {name!r}.{nearest(name, known)}")
            setattr(self, name, value)
        return self

    def check_options(self) -> None:
        """Raise `OptionError` for the first option whose value is outside what it may be."""
        for name, (allowed, wanted) in _RULES.items():
            value = getattr(self, name)
            if not allowed(value):
                close = nearest(value, _CHOICES.get(name, ())) if isinstance(value, str) else ""
                raise OptionError(f"{name} must be {wanted}, not {_shown(value)}.{close}")
        if self.patience is None and self.schedule == "plateau":
            raise OptionError(
                "schedule='plateau' goes by the patience: set one, or use schedule='cosine'"
            )
        charged = [name for name in GATE_COSTS if getattr(self, name) > 0]
        if self.cell == "rnn" and charged:
            raise OptionError(
                f"{charged[0]} is a cost on gates, and cell='rnn' has none: use cell='lstm' or "
                f"cell='gru', or {charged[0]}=0"
            )
        if self.horizon == 0 and as_names(self.future):
            raise OptionError(
                "future columns need a horizon of at least 1; with horizon=0 the model sees inputs up "
                f"to now: move {', '.join(as_names(self.future))} to inputs"
            )
        if self.horizon == 0 and not as_names(self.inputs):
            raise OptionError(
                "with horizon=0 (a virtual sensor) the target is never seen, so at least one input "
                "column is needed: name it with inputs, or set a horizon of at least 1"
            )

    def to_json(self) -> dict[str, Any]:
        """Return every option as JSON values; `ForecasterSettings(**options)` reads them back."""
        return {name: _plain(value) for name, value in self.get_params().items()}

    def levels(self) -> tuple[float, ...]:
        """Return the quantile levels in ascending order, the median added; empty without quantiles."""
        if self.quantiles is None:
            return ()
        return tuple(sorted({float(level) for level in self.quantiles} | {0.5}))


def _shown(value: Any) -> str:
    """Return a value as a message shows it: cut where it is long."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**40:
        return "a number of more than 40 digits"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:90]}..."


def as_names(value: Names) -> tuple[str, ...]:
    """Return column names given as one name, several or None as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _plain(value: Any) -> Any:
    """Return an option's value as JSON knows it: lists for sequences, no NumPy numbers."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    return value


def _whole(at_least: int, at_most: int | None = MANY) -> tuple[Callable[[Any], bool], str]:
    def allowed(value: Any) -> bool:
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        return whole and bool(value >= at_least) and (at_most is None or bool(value <= at_most))

    upper = "" if at_most is None else f" and at most {at_most:,}"
    return allowed, f"a whole number of at least {at_least}{upper}"


def _is_real(value: Any) -> bool:
    number: bool = isinstance(value, int | float | np.integer | np.floating)
    try:
        return number and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _optional(
    rule: tuple[Callable[[Any], bool], str], meaning: str
) -> tuple[Callable[[Any], bool], str]:
    allowed, wanted = rule
    return lambda value: value is None or allowed(value), f"{wanted}, or None ({meaning})"


def _number(
    wanted: str, allowed: Callable[[float], bool] = lambda _: True
) -> tuple[Callable[[Any], bool], str]:
    return lambda value: _is_real(value) and allowed(float(value)), wanted


def _one_of(choices: tuple[str, ...]) -> tuple[Callable[[Any], bool], str]:
    return lambda value: value in choices, "one of " + ", ".join(repr(choice) for choice in choices)


def _part(value: Any) -> bool:
    if isinstance(value, float | np.floating):
        return bool(0 < value < 1)
    if isinstance(value, bool):
        return False
    return isinstance(value, str | int | np.integer | np.datetime64) or hasattr(value, "isoformat")


def _quantiles(value: Any) -> bool:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        return False
    return all(_is_real(level) and 0 < level < 1 for level in value)


def _baselines(value: Any) -> bool:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        return False
    return all(name in get_args(Baseline) for name in value)


def _names(value: Any) -> bool:
    if isinstance(value, str):
        return True
    return isinstance(value, Sequence) and all(isinstance(name, str) for name in value)


_PART_TEXT = "a share between 0 and 1 or the part's first time such as '1985-01-01' or 800"
_NAMES_RULE = (_names, "a column name or a list of column names")
_NAME_RULE = (lambda value: isinstance(value, str), "a column name")
_CHOICES: dict[str, tuple[str, ...]] = {
    "cell": get_args(Cell),
    "schedule": get_args(Schedule),
    "scale": get_args(Mode),
    "missing": get_args(Missing),
    "frequency": get_args(Frequency),
    "engine": get_args(Engine),
}
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "target": _optional(_NAMES_RULE, "'y'"),
    "inputs": _optional(_NAMES_RULE, "no inputs"),
    "future": _optional(_NAMES_RULE, "nothing known ahead"),
    "static": _optional(_NAMES_RULE, "no static columns"),
    "time": _optional(_NAME_RULE, "found by itself"),
    "series": _optional(_NAME_RULE, "'unique_id' where there is one"),
    "horizon": _whole(0),
    "lookback": _whole(1),
    "validation": (_part, _PART_TEXT),
    "test": _optional((_part, _PART_TEXT), "no test part"),
    "season": _optional(_whole(1), "taken from the time step"),
    "baselines": _optional(
        (_baselines, f"a list of {', '.join(map(repr, get_args(Baseline)))}"), "all that apply"
    ),
    "hidden_size": _whole(1),
    "num_layers": _whole(1, 1000),
    "dropout": _number("a number from 0 up to, but not, 1", lambda p: 0 <= p < 1),
    "noise": _number("a number from 0 to 1000", lambda noise: 0 <= noise <= 1000),
    "forget_bias": _optional(
        _number("a number from -1000 to 1000", lambda bias: -1000 <= bias <= 1000),
        "left as torch starts it",
    ),
    "quantiles": _optional(
        (_quantiles, "a list of levels between 0 and 1 such as [0.1, 0.5, 0.9]"), "none"
    ),
    "members": _whole(1, 10_000),
    "epochs": _whole(1),
    "patience": _optional(_whole(1), "no early stopping: the last weights are kept"),
    "batch_size": _whole(1),
    "learning_rate": _number("a number above 0 and at most 1000", lambda rate: 0 < rate <= 1000),
    "weight_decay": _number("a number from 0 to 1000", lambda decay: 0 <= decay <= 1000),
    "clip": _optional(_number("a number above 0", lambda norm: norm > 0), "no clipping"),
    "average": _optional(_number("a number from 0 up to, but not, 1", lambda d: 0 <= d < 1), "off"),
    **dict.fromkeys(GATE_COSTS, _number("a number from 0 to 1000", lambda cost: 0 <= cost <= 1000)),
    "seed": _whole(0, None),
    "device": (lambda value: isinstance(value, str), "a device name such as 'cpu' or 'cuda'"),
    **{name: _one_of(choices) for name, choices in _CHOICES.items()},
}
