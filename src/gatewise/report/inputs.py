"""Which input matters, on the page: a bar for each column with its interval, and its lags as a strip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gatewise.errors import InputError
from gatewise.wording import figure, number, percent

MOST = 24
"""Columns that are shown, at most."""


@dataclass(frozen=True)
class InputWorth:
    """What one column, or columns together, are worth.

    Attributes:
        share: Of the score that is lost without it; `low` and `high` are its interval, NaN for none.
        moved: Its share of what moves the answers, by integrated gradients; NaN where unknown.
        lags: The share lost without its steps of each range of lags, or none; NaN where unknown.
    """

    name: str
    share: float
    low: float = math.nan
    high: float = math.nan
    moved: float = math.nan
    lags: tuple[float, ...] = ()


@dataclass(frozen=True)
class InputPanel:
    """Columns, the most important first, and how their ranges of lags are called.

    Attributes:
        lag_label: What is above the strip of lags, such as "days back".
        whole: What shares are taken of: "score", or "answers' spread".
        interval: What an interval is called, such as "95 % interval".
        together: Columns that go together, as one.

    Raises InputError where a column has another number of lags.
    """

    inputs: tuple[InputWorth, ...]
    lag_names: tuple[str, ...] = ()
    lag_label: str = "steps back"
    whole: str = "score"
    interval: str = "interval"
    together: tuple[InputWorth, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for one in (*self.inputs, *self.together):
            if one.lags and len(one.lags) != len(self.lag_names):
                raise InputError(
                    f"InputPanel: {one.name!r} has {len(one.lags)} lags, of which "
                    f"{len(self.lag_names)} have names"
                )


def panel_html(panel: InputPanel) -> str:
    """Return the panel: a table whose bars are drawn by styles alone, so that it needs no script."""
    shown = panel.inputs[:MOST]
    every = (*shown, *panel.together)
    longest = max(
        (end for one in every for end in (one.share, one.high) if math.isfinite(end)), default=0.0
    )
    beside = any(math.isfinite(one.moved) for one in shown)
    rows = "".join(_row(one, longest, beside=beside) for one in every)
    second = '<th scope="col">integrated gradients<small>of what moves the answers</small></th>'
    bars = (
        '<div class="scroll" tabindex="0" role="region" aria-label="What each input is worth">'
        '<table class="worth"><thead><tr><th scope="col">input</th><th scope="col" class="extent"></th>'
        f'<th scope="col">{escape(panel.whole)} lost<small>{escape(panel.interval)}</small></th>'
        f"{second if beside else ''}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    notes = [*panel.notes]
    if len(panel.inputs) > MOST:
        notes.append(f"{len(panel.inputs) - MOST} more columns cost less than those shown.")
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return bars + _strip(panel, shown) + (f'<ul class="notes">{items}</ul>' if items else "")


def _row(one: InputWorth, longest: float, *, beside: bool) -> str:
    bar = ""
    if longest > 0 and math.isfinite(one.share):
        bar = f'<span class="fill" style="width:{_place(one.share, longest)}"></span>'
        if math.isfinite(one.low + one.high):
            width = max(one.high, 0.0) - max(one.low, 0.0)
            bar += (
                f'<span class="ends" style="left:{_place(one.low, longest)};'
                f'width:{_place(width, longest)}"></span>'
            )
    ends = ""
    if math.isfinite(one.low + one.high):
        ends = f"<small>{number(100 * one.low)} to {number(100 * one.high)}</small>"
    moved = ""
    if beside:
        moved = f"<td>{percent(one.moved) if math.isfinite(one.moved) else '–'}</td>"
    share = percent(one.share) if math.isfinite(one.share) else "–"
    return (
        f'<tr><th scope="row">{escape(one.name)}</th><td class="extent" aria-hidden="true">{bar}</td>'
        f"<td>{share}{ends}</td>{moved}</tr>"
    )


def _place(value: float, longest: float) -> str:
    return f"{100 * min(max(value, 0.0) / longest, 1.0):.2f}%"


def _strip(panel: InputPanel, shown: Sequence[InputWorth]) -> str:
    """Return the lags of the columns whose lags are known, the deeper the colour the more is lost."""
    known = [one for one in shown if any(math.isfinite(lost) for lost in one.lags)]
    if not known:
        return ""
    most = max(lost for one in known for lost in one.lags if math.isfinite(lost))
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in panel.lag_names)
    rows = "".join(
        f'<tr><th scope="row">{escape(one.name)}</th>'
        f"{''.join(_cell(lost, most) for lost in one.lags)}</tr>"
        for one in known
    )
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="What each lag is worth">'
        f'<table class="lags"><caption>% of the {escape(panel.whole)} lost without the steps of a lag, '
        f'by {escape(panel.lag_label)}</caption><thead><tr><th scope="col">input</th>{heads}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(lost: float, most: float) -> str:
    if not math.isfinite(lost):
        return "<td></td>"
    depth = max(lost, 0.0) / most if most > 0 else 0.0
    return f'<td style="--depth:{100 * depth:.0f}%">{figure(round(100 * lost))}</td>'
