"""The options that estimators share, a dataclass for each concern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Self

from gatewise.cells import CELLS, CellSpec
from gatewise.choices import Calendar, Engine, Frequency, Missing, Scale, Unseen, is_holidays
from gatewise.errors import OptionError, nearest
from gatewise.options import (
    any_of,
    between,
    check,
    names,
    on_or_off,
    one_of,
    option,
    options_of,
    or_none,
    part,
    registered,
    share_below_one,
    text,
    whole,
)
from gatewise.training.options import GATE_COSTS, TrainingOptions

if TYPE_CHECKING:
    import numpy as np

    from gatewise.typing import Names

    Bound = float | int | str | date | np.datetime64
    """A share of the time axis, or the first time of a part (an integer for integer times)."""

CELL_NAMES = tuple("rnn" if name == "rnn_tanh" else name for name in CELLS)
"""The cells by the names that estimators give them: the RNN with tanh is simply "rnn"."""


def spec_named(cell: str) -> CellSpec:
    """Return the description of the cell that an estimator calls so."""
    return CELLS["rnn_tanh" if cell == "rnn" else cell]


@dataclass(kw_only=True, eq=False)
class ColumnOptions:
    """Which columns a table's values are in, and what may be seen of them when."""

    target: Names | None = option(
        None,
        "Columns",
        "What to predict, one column or several.",
        or_none(names(), "'y'"),
        default_means="y",
    )
    inputs: Names | None = option(
        (),
        "Columns",
        "Columns known up to now.",
        or_none(names(), "no inputs"),
        default_means="none",
        more="What may be seen of which column when: [data](data.md).",
    )
    future: Names | None = option(
        (),
        "Columns",
        "Columns known ahead, such as the calendar; needs {horizon}.",
        or_none(names(), "nothing known ahead"),
        default_means="none",
    )
    categories: Names | None = option(
        (),
        "Columns",
        "Columns among those that hold labels, not numbers; text does by itself.",
        or_none(names(), "text alone"),
        default_means="text alone",
        more="See [data](data.md#categories).",
    )
    unseen: Unseen = option(
        "unknown",
        "Columns",
        "Labels that training did not have: take them for unknown, or refuse them.",
        one_of(Unseen),
        changeable=True,
    )
    embedding: int | None = option(
        None,
        "Network",
        "Figures that stand for a label.",
        or_none(whole(1, 10_000), "by the number of labels"),
        default_means="by the number of labels",
        more="1.6 × labels^0.56, rounded, at most 32.",
    )
    calendar: Sequence[str] = option(
        (),
        "Columns",
        "Columns made of the time, known ahead: hour, weekday, weekend, day_of_year, month, "
        "holidays:DE.",
        any_of(Calendar, "holidays:DE", is_holidays),
        default_means="none",
        more="Two waves each, `weekend` and holidays a switch; on the clock of the time's zone.",
    )
    static: Names | None = option(
        (),
        "Columns",
        "Columns with one value per series.",
        or_none(names(), "no static columns"),
        default_means="none",
    )
    time: str | None = option(
        None,
        "Columns",
        "Time column, or none: rows are the steps.",
        or_none(text("a column name"), "found by itself"),
        default_means="ds, or the only one that may be time",
        more='The word: `time="none"`.',
    )
    series: str | None = option(
        None,
        "Columns",
        "Column that names the series.",
        or_none(text("a column name"), "'unique_id' where there is one"),
        default_means="unique_id",
    )


@dataclass(kw_only=True, eq=False)
class TableOptions:
    """How a table is read, cut into parts and scaled."""

    validation: Bound | None = option(
        0.15,
        "Task and parts",
        "Validation part: a share (0.15), its first time (1985-01-01), or {none}.",
        or_none(part(), "no validation part"),
        changeable=True,
        more="The parts follow each other: training, validation, test. Of a forecast a share is at "
        "least the horizon, and gives way where the data is too short for it.",
    )
    test: Bound | None = option(
        0.15,
        "Task and parts",
        "Test part, after the validation part: a share, its first time, or {none} (the validation "
        "part is then scored).",
        or_none(part(), "no test part"),
        changeable=True,
    )
    frequency: Frequency = option(
        "infer",
        "Task and parts",
        "infer: the time steps must be regular; rows: every row is one step.",
        one_of(Frequency),
    )
    missing: Missing = option(
        "refuse",
        "Task and parts",
        "Missing values: refuse the data, or mask them with an indicator.",
        one_of(Missing),
    )
    scale: Scale = option(
        "standard",
        "Task and parts",
        "Scaling, learnt from the training part only.",
        one_of(Scale),
        more="To zero mean and unit variance, of all series together or of each alone.",
    )


TORCHS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
"""Cells that torch has too: their units see each other, in one head."""


@dataclass(kw_only=True, eq=False)
class NetworkOptions:
    """What the recurrent network is made of: these are `RecurrentNetwork`'s arguments by name."""

    cell: str = option(
        "lstm",
        "Network",
        "The recurrent cell.",
        registered(CELL_NAMES, lambda cell: cell in ("rnn", *CELLS), "cells"),
        more='LSTM, GRU, RNN (`"rnn"`) or [another](modules.md#gates).',
    )
    hidden_size: int = option(32, "Network", "Units per layer.", whole(1))
    num_layers: int = option(1, "Network", "Layers.", whole(1, 1000))
    heads: int = option(
        1,
        "Network",
        "Heads that the units are shared out to: each sees the old state of its own units alone.",
        whole(1),
        more="Of `slstm` and other cells that torch lacks; they must divide `hidden_size`.",
    )
    dropout: float | None = option(
        None,
        "Network",
        "Share of values dropped, between layers and before the read-out.",
        or_none(share_below_one(), "by the data"),
        default_means="0; of a forecast from few windows 0.6",
    )
    forget_bias: float | None = option(
        1.0,
        "Network",
        "How far the forget gate starts open; {none}: as torch starts it.",
        or_none(between(-1000, 1000), "left as torch starts it"),
        more="Of a GRU the update gate; larger starts with a longer memory. Of no use to `rnn` and the "
        "`slstm` kinds.",
    )
    long_memory: int | None = option(
        None,
        "Network",
        "Start for what has to be remembered for up to so many steps; in place of {forget_bias}.",
        or_none(whole(2), "the usual start"),
        default_means="the usual start",
        more="`gw.init.long_memory`: what it is for and what it costs is in "
        "[long sequences](long-sequences.md#with-the-estimators).",
    )


@dataclass(kw_only=True, eq=False)
class FitOptions:
    """How many networks are fitted, on which engine and where."""

    members: int = option(
        1,
        "Network",
        "Networks with seeds of their own; mean and spread are reported.",
        whole(1, 10_000),
        more="Their seeds are `seed`, `seed` + 1, …; predictions are their mean.",
    )
    refit: bool | None = option(
        None,
        "Training",
        "After scoring, train what predicts anew on all data, with as many steps.",
        or_none(on_or_off(), "by the task"),
        default_means="on, of a forecast; else off",
        changeable=True,
        more="See [below](#what-is-scored-and-what-predicts).",
    )
    engine: Engine = option(
        "auto",
        "Training",
        "What computes the network.",
        one_of(Engine),
        more="See [modules](modules.md).",
    )
    device: str = option(
        "cpu",
        "Training",
        "Where: cpu, cuda, cuda:1, auto (a GPU where torch finds one, else the CPU) ...",
        text("a device name such as 'cpu', 'cuda' or 'auto'"),
        changeable=True,
        more="`auto` decides anew wherever the run is opened. A loaded model computes on the CPU unless "
        "`Forecaster.load(path, device=...)` says otherwise. See [CUDA](cuda.md).",
    )


def check_heads(settings: NetworkOptions) -> None:
    """Raise `OptionError` for heads of a cell that has none, or that do not divide the units."""
    heads, cell, units = settings.heads, settings.cell, settings.hidden_size
    if heads == 1:
        return
    if spec_named(cell).name in TORCHS:
        raise OptionError(
            f"heads={heads} is for cells whose units can be shared out, and cell={cell!r} has one "
            "whole: use cell='slstm', or heads=1"
        )
    if units % heads:
        raise OptionError(
            f"heads={heads} must divide hidden_size={units}, so that each has as many units"
        )


def check_long_memory(settings: NetworkOptions) -> None:
    """Raise `OptionError` for a long memory beside another start, or of a cell without a gate for it."""
    if settings.long_memory is None:
        return
    asked = f"long_memory={settings.long_memory}"
    if not spec_named(settings.cell).with_bias:
        raise OptionError(
            f"{asked} starts the gate that keeps, and no one bias of cell={settings.cell!r} does that: "
            "use cell='lstm' or cell='gru', or leave it out"
        )
    usual = NetworkOptions.__dataclass_fields__["forget_bias"].default
    if settings.forget_bias not in (usual, None):
        raise OptionError(
            f"{asked} and forget_bias={settings.forget_bias:g} start the same gate: leave one of them "
            "out"
        )


def check_gate_costs(settings: TrainingOptions, cell: str) -> None:
    """Raise `OptionError` for a cost on the gates of a cell that has none."""
    charged = [name for name in GATE_COSTS if getattr(settings, name) > 0]
    spec = spec_named(cell)
    if charged and not spec.keep_gate and not spec.write_gate:
        raise OptionError(
            f"{charged[0]} is a cost on gates, and cell={cell!r} has none: use cell='lstm' or "
            f"cell='gru', or {charged[0]}=0"
        )


@dataclass(kw_only=True, eq=False, repr=False)
class EstimatorOptions(FitOptions, TrainingOptions):
    """What every estimator can be told; each derives its own options from these."""

    before: ClassVar[Mapping[str, Any]] = {}
    """What an option meant before there was one, where that is not its default."""

    def __new__(cls, *_: Any, **given: Any) -> Self:
        """Raise `OptionError` for an option that there is not: a dataclass names no near one."""
        _check_names(given, [name for name, _, _ in options_of(cls)])
        return super().__new__(cls)

    def __repr__(self) -> str:
        """Return the options that are set to other than their defaults, as scikit-learn writes them."""
        changed = [
            f"{name}={value!r}"
            for name, default, _ in options_of(self)
            if (value := getattr(self, name)) != default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return every option by name (scikit-learn's convention; `deep` changes nothing here)."""
        return {name: getattr(self, name) for name, _, _ in options_of(self)}

    def set_params(self, **params: Any) -> Self:
        """Set options by name and return self; an unknown name raises `OptionError`."""
        _check_names(params, [name for name, _, _ in options_of(self)])
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def check_options(self) -> None:
        """Raise `OptionError` for the first option outside what it may be; some fit no others."""
        check(self)
        if self.epochs is not None and self.steps is not None:
            raise OptionError(
                f"epochs={self.epochs} and steps={self.steps}: a training is counted in one of them"
            )
        if self.average is not None and self.average_after is not None:
            raise OptionError(
                f"average={self.average:g} and average_after={self.average_after}: "
                "weights are averaged in one way or the other"
            )
        if self.patience is None and self.schedule == "plateau":
            raise OptionError(
                "schedule='plateau' goes by the patience: set one, or use schedule='cosine'"
            )

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any]) -> Self:
        """Return the options that `to_json` wrote, those of before this version as they were then."""
        return cls(**{**cls.before, **settings})

    def to_json(self) -> dict[str, Any]:
        """Return every option as JSON values; the class reads them back as arguments."""
        return {name: _plain(value) for name, value in self.get_params().items()}


def _check_names(given: Iterable[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise OptionError(f"there is no option {name!r}.{nearest(name, known)}")


def _plain(value: Any) -> Any:
    """Return an option's value as JSON knows it: lists for sequences, no NumPy numbers."""
    import numpy as np  # noqa: PLC0415 - slow, and not needed for the help

    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    return value
