import io
import sys
from dataclasses import replace

import pytest

from gatewise.training.checkpoint import RoundsDone
from gatewise.training.loop import train
from gatewise.training.losses import per_row, squared_error
from gatewise.training.progress import Lines, Pace, ProgressBar, Silent, Status, clock, display
from gatewise.training.schedule import Rounds
from gatewise.training.task import Task
from tests.estimators.toy import DelayLine, network, options

STATUS = Status(
    label="member 2/3",
    epoch=4,
    epochs=50,
    done=1.0,
    train=0.51234,
    validation=0.61234,
    kept_epoch=3,
    learning_rate=0.001,
    windows_per_second=12345.6,
    seconds_left=83.4,
    last=False,
)


def fit(progress, epochs=5):
    sets = DelayLine.draw(40, seed=1), DelayLine.draw(10, seed=2)
    task = Task(network(), *sets, per_row(squared_error))
    return train(task, options(epochs=epochs), progress=progress, label="toy")


def test_a_line_says_epoch_losses_rate_and_time_left():
    assert STATUS.text() == (
        "member 2/3  epoch 4/50  loss 0.5123  validation 0.6123  12,346 windows/s  "
        "at most 1:23 left"
    )
    within = replace(STATUS, label="", done=0.256, validation=None)
    assert within.text().startswith("epoch 4/50 (26 %)  loss 0.5123  12,346")
    assert replace(STATUS, last=True).text().endswith("done, the weights of epoch 3 are kept")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0:00"), (59.6, "1:00"), (754, "12:34"), (3661, "1:01:01")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_lines_come_after_the_first_epoch_then_every_ten_seconds_and_at_the_end(capsys):
    time = [0.0]
    lines = Lines(lambda: time[0])
    for now, epoch, done, last in [
        (1.0, 1, 0.5, False),
        (2.0, 1, 1.0, False),  # shown: the first epoch
        (3.0, 2, 1.0, False),
        (11.9, 3, 0.5, False),
        (12.0, 3, 0.7, False),  # shown: ten seconds later
        (13.0, 3, 1.0, False),
        (14.0, 4, 1.0, True),  # shown: the last
    ]:
        time[0] = now
        lines.show(replace(STATUS, epoch=epoch, done=done, last=last))
    shown = [line.split("  ")[1] for line in capsys.readouterr().err.splitlines()]
    assert shown == ["epoch 1/50", "epoch 3/50 (70 %)", "epoch 4/50"]


def test_without_a_terminal_a_run_leaves_a_few_lines_on_stderr(capsys):
    fit(True)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split("  ")[1] for line in err.splitlines()] == ["epoch 1/5", "epoch 5/5"]


def test_a_silent_run_says_nothing(capsys):
    fit(False)
    assert capsys.readouterr() == ("", "")
    assert isinstance(display(False), Silent)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_a_bar_shows_the_run(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(display(True), ProgressBar)
    history = fit(True)
    last = next(line for line in reversed(terminal.getvalue().splitlines()) if "epoch" in line)
    for part in (
        "toy",
        "epoch 5/5",
        f"validation {history.validation[-1]:.4g}",
        "windows/s",
        "done",
    ):
        assert part in last


def test_a_failing_run_gives_the_cursor_back(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    show = ProgressBar.show

    def fail_later(bar, status):
        show(bar, status)
        if status.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "show", fail_later)
    with pytest.raises(KeyboardInterrupt):
        fit(True)
    assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("\x1b[?25l") >= 0


def test_a_function_is_told_every_epoch():
    told = []
    history = fit(told.append)
    epochs = [status for status in told if status.done == 1]
    assert [status.epoch for status in epochs] == [1, 2, 3, 4, 5]
    assert tuple(status.train for status in epochs) == history.train
    assert tuple(status.validation for status in epochs) == history.validation
    assert tuple(status.learning_rate for status in epochs) == history.learning_rate
    assert [status.last for status in epochs] == [False] * 4 + [True]


def test_within_a_long_epoch_the_status_is_shown_ten_times_a_second(monkeypatch):
    now = 100.0
    monkeypatch.setattr("gatewise.training.progress.time.perf_counter", lambda: now)
    told = []
    record = RoundsDone(train=[1.0], validation=[2.0], learning_rate=[0.1], kept_epoch=1)
    rounds = Rounds.of(options(epochs=4), per_epoch=100)
    pace = Pace(display(told.append), "", rounds, record)
    for step in range(1, 101):
        now = 100.0 + step * 0.02  # 10 windows in 0.02 s
        pace.show_step(99 + step, step * 10, lambda: 0.5, 0.1)
    assert 18 <= len(told) <= 20
    assert all(status.done < 1 for status in told)
    assert told[0].epoch == 2
    assert told[0].done == pytest.approx(0.05, abs=0.011)
    assert told[0].windows_per_second == pytest.approx(500)
    # 3 of 4 epochs are left, 2 s each
    assert told[0].seconds_left == pytest.approx(6.0 - 0.1, abs=0.03)
