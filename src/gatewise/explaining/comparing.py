"""Two explanations side by side: which network remembers longer, and whether that is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gatewise import memory
from gatewise.errors import InputError
from gatewise.explaining.confidence import apart
from gatewise.explaining.explanation import Explanation
from gatewise.explaining.remembering import duration
from gatewise.wording import percent


@dataclass(frozen=True)
class Comparison:
    """Two runs beside each other.

    Attributes:
        names: What they are called.
        rows: Quantity, the first one's figure, the second one's, in words.
        sentences: What the difference says.
    """

    names: tuple[str, str]
    rows: tuple[tuple[str, str, str], ...]
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON has."""
        return {
            "names": list(self.names),
            "rows": [list(row) for row in self.rows],
            "sentences": list(self.sentences),
        }


def compare(first: Explanation, second: Explanation, names: tuple[str, str]) -> Comparison:
    """Return a table and sentences on two explanations, of the same step of time.

    Raises InputError where their steps are not of the same length.
    """
    one, other = first.figures, second.figures
    if one["step"] != other["step"]:
        raise InputError(
            f"the steps of the two differ: {one['step']} of {names[0]}, {other['step']} of {names[1]}; "
            "compare runs of one time step"
        )
    quantities: dict[str, Callable[[Explanation], str]] = {
        "memory horizon": _horizon,
        "window needed": _window,
        "input that counts most": _first_input,
        "idle units": _idle,
        "stuck gate": _stuck,
        "carried by": _carrier,
        "gate reach": partial(_reach, "gate_reach"),
        "gradient reach": partial(_reach, "gradient_reach"),
    }
    rows = tuple((name, told(first), told(second)) for name, told in quantities.items())
    return Comparison(names, rows, (_longer(first, second, names), *_others(one, other, names)))


def _longer(first: Explanation, second: Explanation, names: tuple[str, str]) -> str:
    silent = [
        name
        for explanation, name in zip((first, second), names, strict=True)
        if explanation.figures.get("learnt") is False
    ]
    if silent:
        verb = "are" if len(silent) > 1 else "is"
        return (
            f"{' and '.join(silent)} {verb} not shown to have learnt anything: there is nothing to "
            "compare."
        )
    lags = [explanation.results["horizon"] for explanation in (first, second)]
    one, other = lags
    assert isinstance(one, memory.Horizon)
    assert isinstance(other, memory.Horizon)
    if not one.depends and not other.depends:
        return "Neither remembers anything: no answer depends on the input."
    # Steps are 0 both for the current input alone and for none, which comes last: hence 1.
    pair = sorted(
        [(one, names[0], first.unit), (other, names[1], second.unit)],
        key=lambda pair: -pair[0].steps if pair[0].depends else 1,
    )
    (long, name, unit), (short, rest, _) = pair
    less = duration(short, unit) if short.depends else "nothing"
    if long.steps == short.steps and long.depends == short.depends:
        return f"Both remember {duration(long, unit)}: no difference is shown."
    differ = apart(long, short)
    ending = {
        True: "the intervals do not overlap",
        False: "the intervals overlap, so that no difference is shown",
        None: "without intervals, so that no difference is shown",
    }[differ]
    if not short.depends:
        ending = "its answer does not depend on the input"
    return f"{name} remembers longer: {duration(long, unit)}, {rest} {less}; {ending}."


def _others(
    one: Mapping[str, Any], other: Mapping[str, Any], names: tuple[str, str]
) -> tuple[str, ...]:
    said = []
    if one.get("carrier") and other.get("carrier") and one["carrier"] != other["carrier"]:
        said.append(
            f"They keep it in different places: {names[0]} in {_place(one['carrier'])}, {names[1]} in "
            f"{_place(other['carrier'])}."
        )
    shares = [
        float(told["idle_share"]) for told in (one, other) if told.get("idle_share") is not None
    ]
    if len(shares) == 2 and abs(shares[0] - shares[1]) > 0.1:
        more = 0 if shares[0] > shares[1] else 1
        said.append(
            f"{names[more]} has the larger share of idle units: {percent(shares[more])} against "
            f"{percent(shares[1 - more])}."
        )
    return tuple(said)


def _place(carrier: str) -> str:
    return {
        "cell": "the cell",
        "hidden": "the hidden state",
        "each": "either state",
        "together": "both states together",
        "none": "no state",
    }[carrier]


def _horizon(explanation: Explanation) -> str:
    lags = explanation.results.get("horizon")
    if not isinstance(lags, memory.Horizon):
        return "–"
    return (
        duration(lags, explanation.unit).removeprefix("about ") if lags.depends else "no dependence"
    )


def _window(explanation: Explanation) -> str:
    figures = explanation.figures
    if figures.get("window") is None:
        return "–"
    return explanation.unit.spanned(
        figures["window"], figures["window_low"], figures["window_high"]
    )


def _first_input(explanation: Explanation) -> str:
    name = explanation.figures.get("first_input")
    if name is None:
        return "–"
    return f"{name}, {percent(explanation.figures['inputs'][name])} of the score"


def _idle(explanation: Explanation) -> str:
    figures = explanation.figures
    return "–" if figures.get("idle") is None else f"{figures['idle']} of {figures['units']}"


def _stuck(explanation: Explanation) -> str:
    figures = explanation.figures
    if figures.get("saturated_share") is None:
        return "–"
    return f"{figures['saturated_gate']}, {percent(figures['saturated_share'])} of units"


def _carrier(explanation: Explanation) -> str:
    return str(explanation.figures.get("carrier") or "–")


def _reach(name: str, explanation: Explanation) -> str:
    value = explanation.figures.get(name)
    return "–" if value is None else explanation.unit.counted(value)
