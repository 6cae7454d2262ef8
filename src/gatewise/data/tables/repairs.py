"""What is done, on request only, to rows that are out of order, repeated or incomplete; all counted.

Sizes: N rows, S series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatewise.choices import Fill, Keep
from gatewise.typing import Array, Indices
from gatewise.wording import counted

FILL_LIMIT = 10
"""Steps of the longest gap that is filled in where nobody says otherwise."""


@dataclass(frozen=True)
class Repairs:
    """What may be done to a table while it is read; by default nothing."""

    date_format: str | None = None
    """How the time is written, in the letters of `strptime`; None: found out."""
    sort: bool = False
    """Whether the rows of each series are put in the order of their times."""
    drop_duplicates: Keep | None = None
    """Which of the rows with one time is kept; None: they are refused."""
    fill: Fill | None = None
    """How gaps are filled in, missing rows among them; None: they stay gaps."""
    fill_limit: int = FILL_LIMIT
    """Steps of the longest gap that is filled in."""
    season: int | None = None
    """Steps of a season, for fill="season"; None: the one that is found in the table."""


NO_REPAIRS = Repairs()


def ordered(owner: Indices, time: Array | None, repairs: Repairs) -> tuple[Indices, list[str]]:
    """Return the rows series after series, and what was done to that end.

    `owner` [N] is the series of each row, `time` [N] its time, None where rows are counted. Without
    repairs the rows of a series stay in the order in which they came, repeated times and all.
    """
    notes = []
    if repairs.sort and time is not None:
        rows = np.lexsort((time, owner))
        late = _out_of_order(owner, time)
        if late:
            notes.append(f"sorted: {counted(late, 'row')} came after a later time")
    elif (owner[1:] >= owner[:-1]).all():  # as they came
        rows = np.arange(len(owner))
    else:
        rows = np.argsort(owner, kind="stable")
    if repairs.drop_duplicates is None or time is None:
        return rows, notes
    same = (owner[rows[1:]] == owner[rows[:-1]]) & (time[rows[1:]] == time[rows[:-1]])
    dropped = (
        np.append(False, same) if repairs.drop_duplicates == "first" else np.append(same, False)
    )
    if same.any():
        notes.append(
            f"repeated times: {counted(int(same.sum()), 'row')} left out, the "
            f"{repairs.drop_duplicates} of each kept"
        )
    return rows[~dropped], notes


def _out_of_order(owner: Indices, time: Array) -> int:
    """Return how many rows have a time before that of the row before them in their series."""
    rows = np.argsort(owner, kind="stable")
    inside = owner[rows[1:]] == owner[rows[:-1]]
    return int(np.count_nonzero(inside & (time[rows[1:]] < time[rows[:-1]])))
