"""The progress of a training run: a bar on a terminal, a line in a notebook, a few lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gatewise.launch import is_main_process
from gatewise.notebook import Place, is_notebook
from gatewise.training.checkpoint import RoundsDone
from gatewise.training.schedule import Rounds
from gatewise.wording import number, percent

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

LINE_SECONDS = 10.0
CELL_SECONDS = 0.5
STATUS_SECONDS = 0.1
GONE = (OSError, ValueError, SystemExit)
"""What stderr raises when it is full, closed or a pipe without a reader (rich ends the process for
that): a training does not end because nobody watches it."""


@dataclass(frozen=True)
class Status:
    """Where a run stands, after a round or within one: an epoch, or so many steps."""

    label: str  # such as "member 1/3"
    epoch: int  # the round under way or just done, counted from 1
    epochs: int  # at most so many
    done: float  # share of the round's steps done
    train: float  # mean loss over what is done of the round
    validation: float | None  # of the last whole round, if there was one
    kept_epoch: int  # whose weights are kept; 0 before the first
    learning_rate: float
    windows_per_second: float
    seconds_left: float  # if no early stop comes
    last: bool  # nothing comes after this one
    step: int = 0  # gradient steps done
    steps: int = 0  # at most so many; 0 where epochs are counted
    kept_step: int = 0
    noun: str = "windows"  # what is counted per second

    def text(self) -> str:
        """Return the status as one plain line."""
        parts = [self.label] if self.label else []
        parts += [self.place(), self.losses()]
        if self.last:
            kept = f"step {self.kept_step:,}" if self.steps else f"epoch {self.kept_epoch}"
            parts.append(f"done, the weights of {kept} are kept")
        else:
            parts += [self.rate(), f"at most {clock(self.seconds_left)} left"]
        return "  ".join(parts)

    def place(self) -> str:
        """Return how far it is, in epochs or in steps."""
        if self.steps:
            return f"step {self.step:,}/{self.steps:,}"
        part = f" ({percent(round(self.done, 2))})" if self.done < 1 else ""
        return f"epoch {self.epoch}/{self.epochs}{part}"

    def losses(self) -> str:
        """Return the known losses in words."""
        text = f"loss {number(self.train, 4)}"
        return (
            text if self.validation is None else f"{text}  validation {number(self.validation, 4)}"
        )

    def rate(self) -> str:
        """Return the speed in words."""
        return f"{self.windows_per_second:,.0f} {self.noun}/s"


Callback = Callable[[Status], None]


class Display(Protocol):
    """Something that shows the status of a run; called once per step, so it must be quick."""

    def show(self, status: Status) -> None:
        """Show `status`."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


class Silent:
    """Shows nothing."""

    def show(self, status: Status) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Calling:
    """Hands every status to a function."""

    def __init__(self, callback: Callback) -> None:
        self.callback = callback

    def show(self, status: Status) -> None:
        """Call the function."""
        self.callback(status)

    def close(self) -> None:
        """Do nothing."""


class Lines:
    """Plain lines on stderr: the first epoch, then one every ten seconds, and the last."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.due = now() + LINE_SECONDS
        self.first = True

    def show(self, status: Status) -> None:
        """Print the status where a line is due."""
        opening = self.first and status.done == 1
        if not (opening or status.last or self.now() >= self.due):
            return
        self.first = self.first and not opening
        self.due = self.now() + LINE_SECONDS
        with suppress(*GONE):
            print(status.text(), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Do nothing: every line is out."""


class NotebookLine:
    """A line below a notebook's cell that is written over, twice a second at most."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.due = now()
        self.place = Place()

    def show(self, status: Status) -> None:
        """Write the status where it is due."""
        if not status.last and self.now() < self.due:
            return
        self.due = self.now() + CELL_SECONDS
        with suppress(*GONE):
            self.place.write(status.text())

    def close(self) -> None:
        """Do nothing: the line stays."""


class ProgressBar:
    """A rich progress bar on stderr; rich is imported when the first bar is drawn."""

    def __init__(self) -> None:
        self.bar: RichProgress | None = None

    def show(self, status: Status) -> None:
        """Move the bar; rich draws it ten times a second at most."""
        with suppress(*GONE):
            self._show(status)

    def _show(self, status: Status) -> None:
        bar = self.bar
        if bar is None:
            bar = self.bar = self._start(status)
        bar.update(
            bar.task_ids[0],
            completed=status.epoch - 1 + status.done,
            losses=status.losses(),
            rate=status.rate(),
            left="done" if status.last else f"at most {clock(status.seconds_left)} left",
            epoch=status.place().split(" (", maxsplit=1)[0],
        )

    def close(self) -> None:
        """Draw the last state and give the cursor back."""
        if self.bar is not None:
            with suppress(*GONE):
                self.bar.stop()
            self.bar = None

    def _start(self, status: Status) -> RichProgress:
        from rich.console import Console  # noqa: PLC0415 - heavy, and needed on terminals only
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

        columns = ("{task.description}", "{task.fields[epoch]}")
        figures = ("{task.fields[losses]}", "{task.fields[rate]}", "{task.fields[left]}")
        bar = Progress(
            *(TextColumn(column, markup=False) for column in columns),
            BarColumn(bar_width=20),
            *(TextColumn(figure, markup=False) for figure in figures),
            console=Console(stderr=True),
        )
        bar.add_task(status.label, total=status.epochs, losses="", rate="", left="", epoch="")
        bar.start()
        return bar


class Pace:
    """The speed of one round, and from it the status that a display shows.

    `record` holds the rounds before this one. Windows are what `noun` calls them.
    """

    def __init__(
        self, shown: Display, label: str, rounds: Rounds, record: RoundsDone, noun: str = "windows"
    ) -> None:
        self.shown, self.noun = shown, noun
        self.label = label
        self.rounds = rounds
        self.record = record
        self.start = time.perf_counter()
        self.due = self.start + STATUS_SECONDS
        self.trained = 0.0  # seconds from the start to the last step
        self.windows = 0  # in the steps of this round

    def elapsed(self) -> float:
        """Return the seconds since the round began."""
        return time.perf_counter() - self.start

    def show_step(self, step: int, windows: int, mean: Callable[[], float], rate: float) -> None:
        """Show the round after its step `step`, which are `windows` so far, if it is time to.

        `mean` returns their mean loss and is called only then: reading it can make a GPU wait.
        """
        self.trained, self.windows = self.elapsed(), windows
        steps = self.rounds.steps(self.record.epochs + 1)
        if self.start + self.trained < self.due or step + 1 == steps.stop:
            return  # after the last step the validation loss is still to come
        self.due = self.start + self.trained + STATUS_SECONDS
        done = (step + 1 - steps.start) / len(steps)
        left = self.trained * (self._rounds_left() / done - 1)
        self._show(self.record.epochs + 1, done, step + 1, (mean(), rate), left)

    def show_round(self) -> None:
        """Show the round that the record now ends with."""
        record = self.record
        left = self.elapsed() * self._rounds_left()
        step = self.rounds.steps(record.epochs).stop
        self._show(record.epochs, 1.0, step, (record.train[-1], record.learning_rate[-1]), left)

    def _rounds_left(self) -> int:
        return self.rounds.count - self.record.epochs

    def _show(
        self, number: int, done: float, step: int, loss_and_rate: tuple[float, float], left: float
    ) -> None:
        record, rounds = self.record, self.rounds
        loss, rate = loss_and_rate
        self.shown.show(
            Status(
                label=self.label,
                epoch=number,
                epochs=rounds.count,
                done=done,
                train=loss,
                validation=record.validation[-1] if record.validation else None,
                kept_epoch=record.kept_epoch,
                learning_rate=rate,
                windows_per_second=self.windows / max(self.trained, 1e-9),
                seconds_left=left,
                last=record.finished,
                step=step,
                steps=rounds.stop if rounds.in_steps else 0,
                kept_step=min(record.kept_epoch * rounds.length, rounds.stop),
                noun=self.noun,
            )
        )


def say(line: str) -> None:
    """Print a plain line on stderr, as `Lines` does, in the process that speaks."""
    if is_main_process() and sys.stderr is not None:
        with suppress(*GONE):
            print(line, file=sys.stderr, flush=True)


def display(progress: bool | Callback) -> Display:
    """Return the display for True (a bar or lines, as stderr is), False, or a function."""
    if callable(progress):
        return Calling(progress)
    if not progress:
        return Silent()
    if sys.stderr is None or sys.stderr.closed:
        return Silent()
    if is_notebook():
        return NotebookLine()
    return ProgressBar() if sys.stderr.isatty() else Lines()


def clock(seconds: float) -> str:
    """Return a duration as `m:ss` or `h:mm:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def label_of_member(member: int, members: int, *, whole: bool) -> str:
    """Return what stands before the progress of a training."""
    if members == 1:
        return "refit on all data" if whole else "training"
    return f"{'refit, ' if whole else ''}member {member + 1}/{members}"
