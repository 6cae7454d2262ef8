"""What task a fit is about where nobody said: by its options, and by what its data is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gatewise.cli.tasks import FORECAST, Task


@dataclass(frozen=True)
class Given:
    """What a command line has: its data, the options that it names, and the target column."""

    verb: str
    data: str | None
    named: set[str]
    target: str | None


class Guess(NamedTuple):
    """A task, and why it is that one; "" where it goes without saying."""

    task: Task
    because: str = ""

    @property
    def note(self) -> str:
        """Return the line that says what was guessed, "" where nothing has to be said."""
        if not self.because:
            return ""
        return (
            f"Task: {self.task.name}, {self.task.learns} ({self.because}); --task says otherwise."
        )


def guess(given: Given) -> Guess:
    """Return the task; OptionError, which names the choices, where several are possible."""
    return Guess(FORECAST)
