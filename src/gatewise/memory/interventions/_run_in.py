"""The run-in of a row: its first steps, for which it matters that the row began from nothing.

A state of zeros is unlike those that a network is in later, and the first inputs may move it more than
the same inputs would further on. In the curve of the memory horizon that looks like memory: its last
lags, which are those of the first steps, rise again. So the same steps are replaced once more in rows
that begin with the state in which another row ended, as in the middle of a longer row. Memory is the
same in both; what is there only from nothing is the start.

Sizes: B rows, A steps whose answer is read, U units that are resampled together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from gatewise.cells import State
from gatewise.errors import InputError
from gatewise.memory._base import MIN_GROUPS, Sampling, draws_of
from gatewise.memory.interventions._intervene import Intervention, Piece, Place
from gatewise.memory.interventions._lags import CARE, grid
from gatewise.memory.interventions._resampler import Resampler
from gatewise.memory.interventions.subject import Subject
from gatewise.typing import Array

EXCESS = 0.1
"""A start counts where the effect from nothing exceeds that from another state by this share of it."""

TOGETHER = 8
"""Steps that are tried in one go."""


@dataclass(frozen=True)
class RunIn:
    """How many steps the start of a row lasts, and why that is not told, or ""."""

    steps: int
    untold: str = ""

    @classmethod
    def of(
        cls,
        subject: Subject,
        places: NDArray[np.int64],
        there: NDArray[np.bool_],
        *,
        future: bool,
        resamples: int,
        sampling: Sampling,
    ) -> RunIn:
        """Find it for the answers at `places [A, B]`, of which those `there` are in their row.

        There is a start where the effect of a row's first step is surely larger from nothing than from
        another row's state, and it lasts up to the first step whose effect, on average, is not. One that
        lasts for half of the rows is none: such a network works from a fresh state, and its memory is
        what it does from there.
        """
        try:
            warm = Warm(subject, future=future)
        except InputError as error:
            return cls(0, str(error).removeprefix(f"{subject.caller}: "))
        if not warm.states:
            return cls(0, "the model gives its recurrent modules the states that they begin with")
        fresh, warmed = (
            Resampler(
                subject,
                places,
                there,
                future=future,
                resamples=resamples,
                seed=sampling.seed,  # the same replacements in both
                intervention=intervention,
            )
            for intervention in (None, warm)
        )
        reach = int(np.where(there, subject.ends - places if future else places, 0).max()) + 1
        tried = grid(max(reach // 2, 1))
        for begin in range(0, len(tried), TOGETHER):
            steps = tried[begin : begin + TOGETHER]
            excess = fresh.from_start(steps, CARE) - (1 + EXCESS) * warmed.from_start(steps, CARE)
            if not begin:
                first = excess[0].reshape(places.shape)
                sure = _surely(first, subject.floor, sampling)
                if not sure:
                    untold = "there are too few rows to be sure of it" if sure is None else ""
                    return cls(0, untold)
            larger = np.nanmean(excess, axis=1) > subject.floor
            if not larger.all():
                return cls(steps[int(larger.argmin())])
        return cls(0)


class Warm(Intervention):
    """Starts each row from the state in which another row ended, where it would start as all others do.

    Attributes:
        states: Those that rows ended in, by where they are put. A module that the model gives states of
            the rows' own (such as a decoder those of its encoder) keeps them.
    """

    def __init__(self, subject: Subject, *, future: bool) -> None:
        self._direction = int(future)
        self._shuffled: NDArray[np.int64] | None = None
        self.states: dict[Place, State] = {}
        self._taking = True
        subject.answers(intervention=self)
        self._taking = False

    def layer(self, piece: Piece) -> tuple[Tensor, State]:
        """See `Intervention.layer`."""
        first = piece.place.direction == self._direction and piece.began == 0
        if self._taking:
            found = piece.run()
            if first and all(bool((state == state[:, :1]).all()) for state in piece.start):
                self.states[piece.place] = tuple(map(self._others, found.states))
        elif first and piece.place in self.states:
            states = self.states[piece.place]
            copies = piece.x.shape[1] // states[0].shape[1]
            found = piece.run(state=tuple(one.repeat(1, copies, 1) for one in states))
        else:
            found = piece.run()
        return found.output, found.states

    def _others(self, state: Tensor) -> Tensor:
        """Return the states `[1, B, H]` of other rows, drawn once for all layers."""
        rows = state.shape[1]
        if self._shuffled is None or len(self._shuffled) != rows:
            order = np.random.default_rng(0).permutation(rows)
            self._shuffled = np.empty_like(order)
            self._shuffled[order] = np.roll(order, 1)  # no row gets its own
        return state[:, from_numpy(self._shuffled).to(state.device)]


def _surely(excess: Array, floor: float, sampling: Sampling) -> bool | None:
    """Tell whether the mean of `excess [A, B]` is above rounding; None where rows are too few."""
    seen = np.isfinite(excess)
    filled = np.where(seen, excess, 0.0)
    if excess.shape[1] >= MIN_GROUPS:
        each, known = filled.sum(axis=0) / np.maximum(seen.sum(axis=0), 1), seen.any(axis=0)
    else:  # the steps of a row side by side, as neighbours that may resemble each other
        each, known = filled.T.ravel(), seen.T.ravel()
    draws = draws_of(each[known, None], sampling)
    if not len(draws.weights):
        return None
    low, _ = draws.interval(draws.weights @ each[known])
    return bool(low > floor)
