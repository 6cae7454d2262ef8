"""The options of `gatewise fit`: the forecaster's own, by the same names and with the same defaults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter, Token

from gatewise.errors import is_line

COLUMNS = Group("Columns", sort_key=1)
TASK = Group("Task and parts", sort_key=2)
NETWORK = Group("Network", sort_key=3)
TRAINING = Group("Training", sort_key=4)
RUN = Group("Run", sort_key=5)


def whole(_: Any, tokens: Sequence[Token]) -> int | str:
    """Read a whole number or "none"; 1.5 is refused where `int` would make it 2."""
    text = tokens[0].value
    if text == "none":
        return text
    if not text.removeprefix("-").removeprefix("+").isdecimal():
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _line(_: Any, tokens: Sequence[Token]) -> str:
    """Read text that can stand on a page: one line, and not blank."""
    text = tokens[0].value
    if not is_line(text):
        raise ValueError(f"{text!r} is blank or has control characters")
    return text


Names = tuple[str, ...]
OrNone = Literal["none"]
WHERE = "Where: cpu, cuda, cuda:1 ..."
Whole = Annotated[int, Parameter(converter=whole)]
CAN_BE_OFF = ("test", "forget_bias", "patience", "clip")
"""Options with a default that the word "none" turns off."""


def _option(
    group: Group,
    text: str,
    *,
    shown: bool | None = None,
    reader: Callable[[Any, Sequence[Token]], Any] | None = None,
) -> Parameter:
    """Return the parameter's description; `shown=False` where the text itself says the default."""
    # Said here and not once for the whole app: cyclopts 4 does not pass it on to dataclass fields.
    # An absent reader must stay absent: None would undo the one that the type brings.
    own: dict[str, Any] = {} if reader is None else {"converter": reader}
    return Parameter(
        group=group,
        help=text,
        show_default=shown,
        consume_multiple=True,
        negative="",
        **own,
    )


def _bound(_type: Any, tokens: Sequence[Token]) -> float | str:
    """Return a share as a number; anything else is a time (1985-01-01, 400) and stays text."""
    text = tokens[0].value
    try:
        share = float(text)
    except ValueError:
        return text
    return share if 0 < share < 1 else text


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ForecasterOptions:
    """What a forecaster is made of; steps are rows of the table."""

    target: Annotated[
        Names | None, _option(COLUMNS, "What to predict, one column or several. [default: y]")
    ] = None
    inputs: Annotated[
        Names, _option(COLUMNS, "Columns known up to now. [default: none]", shown=False)
    ] = ()
    future: Annotated[
        Names,
        _option(
            COLUMNS,
            "Columns known ahead, such as the calendar; needs --horizon. [default: none]",
            shown=False,
        ),
    ] = ()
    static: Annotated[
        Names, _option(COLUMNS, "Columns with one value per series. [default: none]", shown=False)
    ] = ()
    time: Annotated[
        str | None,
        _option(
            COLUMNS,
            "Time column, or none: rows are the steps. [default: ds, or the only one that may be time]",
        ),
    ] = None
    series: Annotated[
        str | None, _option(COLUMNS, "Column that names the series. [default: unique_id]")
    ] = None

    horizon: Annotated[
        Whole,
        _option(
            TASK,
            "Steps to forecast; 0 is a virtual sensor: the target now, from the inputs up to now.",
        ),
    ] = 0
    lookback: Annotated[Whole, _option(TASK, "Steps the network looks back.")] = 96
    validation: Annotated[
        float | str,
        _option(
            TASK, "Validation part: a share (0.15) or its first time (1985-01-01).", reader=_bound
        ),
    ] = 0.15
    test: Annotated[
        float | str | None,
        _option(
            TASK,
            "Test part, after the validation part: a share, its first time, or none (the validation "
            "part is then scored).",
            reader=_bound,
        ),
    ] = 0.15
    frequency: Annotated[
        Literal["infer", "rows"],
        _option(TASK, "infer: the time steps must be regular; rows: every row is one step."),
    ] = "infer"
    missing: Annotated[
        Literal["refuse", "mask"],
        _option(TASK, "Missing values: refuse the data, or mask them with an indicator."),
    ] = "refuse"
    scale: Annotated[
        Literal["standard", "per_series", "none"],
        _option(TASK, "Scaling, learnt from the training part only."),
    ] = "standard"
    season: Annotated[
        Whole | None,
        _option(
            TASK,
            "Steps in a season, for the baselines. [default: from the time step]",
            reader=whole,
        ),
    ] = None

    baselines: Annotated[
        tuple[Literal["persistence", "seasonal_naive", "climatology", "ridge"], ...] | None,
        _option(TASK, "Baselines to score beside the network. [default: all that apply]"),
    ] = None

    cell: Annotated[Literal["lstm", "gru", "rnn"], _option(NETWORK, "The recurrent cell.")] = "lstm"
    hidden_size: Annotated[Whole, _option(NETWORK, "Units per layer.")] = 32
    num_layers: Annotated[Whole, _option(NETWORK, "Layers.")] = 1
    dropout: Annotated[
        float, _option(NETWORK, "Share of values dropped, between layers and before the read-out.")
    ] = 0.0
    noise: Annotated[
        float, _option(NETWORK, "Standard deviation of noise on the scaled inputs, in training.")
    ] = 0.0
    forget_bias: Annotated[
        float | OrNone,
        _option(NETWORK, "How far the forget gate starts open; none: as torch starts it."),
    ] = 1.0
    quantiles: Annotated[
        tuple[float, ...] | None,
        _option(NETWORK, "Quantile levels to predict, such as 0.1 0.5 0.9. [default: none]"),
    ] = None
    members: Annotated[
        Whole, _option(NETWORK, "Networks with seeds of their own; mean and spread are reported.")
    ] = 1

    epochs: Annotated[Whole, _option(TRAINING, "Passes over the training part, at most.")] = 100
    patience: Annotated[
        Whole | OrNone,
        _option(
            TRAINING,
            "Stop after so many epochs without a better validation loss and keep the best weights; "
            "none: run all epochs and keep the last ones.",
            reader=whole,
        ),
    ] = 15
    batch_size: Annotated[Whole, _option(TRAINING, "Windows per training step.")] = 64
    learning_rate: Annotated[float, _option(TRAINING, "Learning rate at the start.")] = 3e-3
    schedule: Annotated[
        Literal["cosine", "plateau", "constant"],
        _option(TRAINING, "How the learning rate falls."),
    ] = "cosine"
    weight_decay: Annotated[float, _option(TRAINING, "Weight decay (AdamW).")] = 0.0
    clip: Annotated[
        float | OrNone, _option(TRAINING, "Largest norm of the gradient; none: no clipping.")
    ] = 1.0
    average: Annotated[
        float | None, _option(TRAINING, "Decay of the weights' moving average. [default: off]")
    ] = None
    write_cost: Annotated[
        float, _option(TRAINING, "Price of an open write gate: a sparser, more readable memory.")
    ] = 0.0
    forget_cost: Annotated[
        float, _option(TRAINING, "Price of a forget gate that is not open: a longer memory.")
    ] = 0.0
    saturation_cost: Annotated[
        float, _option(TRAINING, "Price of gates below 0.1 or above 0.9: gradients keep flowing.")
    ] = 0.0
    seed: Annotated[Whole, _option(TRAINING, "Seed of the first member.")] = 0
    engine: Annotated[
        Literal["auto", "native", "reference", "torch"],
        _option(TRAINING, "What computes the network."),
    ] = "auto"
    device: Annotated[str, _option(TRAINING, WHERE)] = "cpu"

    def settings(self) -> dict[str, Any]:
        """Return the forecaster's arguments; "none" becomes None where an option can be off."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {name: None for name in CAN_BE_OFF if values[name] == "none"}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Changes:
    """Settings that a new fit may change; what is left open stays as in RUN."""

    validation: Annotated[
        float | str | None,
        _option(
            TASK, "Validation part: a share or its first time. [default: as in RUN]", reader=_bound
        ),
    ] = None
    test: Annotated[
        float | str | None,
        _option(TASK, "Test part: a share or its first time. [default: as in RUN]", reader=_bound),
    ] = None
    epochs: Annotated[
        Whole | None, _option(TRAINING, "Epochs, at most. [default: as in RUN]", reader=whole)
    ] = None
    patience: Annotated[
        Whole | OrNone | None,
        _option(
            TRAINING,
            "Epochs without a gain before stopping, or none. [default: as in RUN]",
            reader=whole,
        ),
    ] = None
    learning_rate: Annotated[
        float | None, _option(TRAINING, "Learning rate at the start. [default: as in RUN]")
    ] = None
    seed: Annotated[
        Whole | None,
        _option(TRAINING, "Seed of the first member. [default: as in RUN]", reader=whole),
    ] = None
    device: Annotated[str | None, _option(TRAINING, "Where. [default: as in RUN]")] = None

    def settings(self) -> dict[str, Any]:
        """Return what was given; "none" becomes None where an option can be off."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: value for name, value in values.items() if value is not None}
        return given | {name: None for name in CAN_BE_OFF if given.get(name) == "none"}


Title = Annotated[
    str | None, _option(RUN, "Title of the page. [default: what is predicted]", reader=_line)
]
NewTitle = Annotated[
    str | None,
    _option(
        RUN, "Title of the page. [default: that of the run, or what is predicted]", reader=_line
    ),
]
Quiet = Annotated[bool, _option(RUN, "Print nothing but errors.", shown=False)]
Device = Annotated[str, Parameter(help=WHERE)]
Config = Annotated[
    str | None, _option(RUN, "Read options from a .toml or .json file; the command line wins.")
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class NewRun:
    """The run folder that a fit leaves, its page, and what is printed meanwhile."""

    out: Annotated[str, _option(RUN, "Run folder to make.")]
    title: Title = None
    predictions: Annotated[
        Literal["csv", "parquet"], _option(RUN, "Format of the predictions in the run folder.")
    ] = "csv"
    overwrite: Annotated[
        bool, _option(RUN, "Replace an earlier run in that folder.", shown=False)
    ] = False
    quiet: Quiet = False
