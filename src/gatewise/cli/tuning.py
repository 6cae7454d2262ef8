"""`gatewise tune`: settings searched on the validation part, the best of them left as a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from gatewise.cli.as_typed import as_typed
from gatewise.cli.options import (
    OFF,
    RUN,
    Config,
    ForecasterOptions,
    Quiet,
    Title,
    Whole,
    Words,
)
from gatewise.cli.output import console, print_data, print_next, print_scores
from gatewise.cli.training import Data, Interrupted, finish, print_forecast
from gatewise.errors import OptionError
from gatewise.options import options_of

if TYPE_CHECKING:
    from gatewise import Forecaster

SEARCH = Group("Search", sort_key=0)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Searched:
    """What is searched, for how long, and where it is left."""

    out: Annotated[
        str,
        Parameter(
            group=RUN,
            help="Folder to make: the study, and the runs of the best and the first settings.",
        ),
    ]
    title: Title = None
    overwrite: Annotated[
        bool,
        Parameter(
            group=RUN,
            help="Begin anew where there is a search.",
            show_default=False,
            negative="",
        ),
    ] = False
    quiet: Quiet = False
    trials: Annotated[Whole, Parameter(group=SEARCH, help="Settings to try, in all.")] = 30
    space: Annotated[
        Words,
        Parameter(
            group=SEARCH,
            help="What an option may be, beside the usual space or in its place: hidden_size=16,32,64 "
            "or learning_rate=0.001..0.1, one word each; cell=gru keeps it. [default: the usual space; "
            "options that you set stay as they are]",
            show_default=False,
            consume_multiple=True,
            negative="",
        ),
    ] = ()
    metric: Annotated[
        str | None,
        Parameter(
            group=SEARCH,
            help="Score to judge by. [default: rmse; of a forecast mae, of a panel nse or mase, with "
            "--quantiles crps]",
        ),
    ] = None
    jobs: Annotated[
        Whole, Parameter(group=SEARCH, help="Trials at a time, each in a process with one thread.")
    ] = 1
    seconds: Annotated[
        float | None, Parameter(group=SEARCH, help="After so many no new trial begins.")
    ] = None
    no_pruning: Annotated[
        bool,
        Parameter(
            group=SEARCH,
            help="Let every trial come to its end.",
            show_default=False,
            negative="",
        ),
    ] = False


def tune(
    data: Data,
    /,
    *,
    searched: Searched,
    options: ForecasterOptions | None = None,
    config: Config = None,
) -> None:
    """Search for settings that predict the validation part best, and leave the best as a run.

    Each trial is trained on the training part and judged on the validation part; none sees the test
    part. The first has the settings that you give. Interrupted at whatever moment, the same command
    goes on, and so does `gatewise resume`. Needs Optuna.

    Try:

      gatewise tune river.csv --target discharge --inputs rain tmax tmin --jobs 2 --out runs/tuned
      gatewise tune river.csv --target discharge --inputs rain --space cell=gru --out runs/gru
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch

    model = Forecaster(**(options or ForecasterOptions()).settings())
    arguments = {
        "trials": searched.trials,
        "space": read_space(searched.space),
        "metric": searched.metric,
        "overwrite": searched.overwrite,
        "jobs": searched.jobs,
        "seconds": searched.seconds,
        "prune": not searched.no_pruning,
    }
    _search(model, data, Path(searched.out), arguments, searched.title, quiet=searched.quiet)


def resume_search(folder: Path, data: str | None, title: str | None, *, quiet: bool) -> None:
    """Go on with the search in a folder as it was begun, with the trials that are missing."""
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.estimators.tuning.folder import how_to_go_on  # noqa: PLC0415

    settings, arguments = how_to_go_on(folder)
    source = arguments.pop("source")
    if data is None and source is None:
        raise OptionError(f"the search {folder} was of a table in memory: name DATA after it")
    model = Forecaster.from_saved(settings)
    _search(model, data or source, folder, arguments, title, quiet=quiet)


def _search(
    model: Forecaster,
    data: str,
    out: Path,
    arguments: dict[str, Any],
    title: str | None,
    *,
    quiet: bool,
) -> None:
    """Search, leave the best as a run with its page, and print the scores and sentences."""
    from gatewise import tune as search  # noqa: PLC0415 - brings torch
    from gatewise.estimators.forecaster.fitting import prepared_to_fit  # noqa: PLC0415
    from gatewise.estimators.run.folder import Run  # noqa: PLC0415
    from gatewise.estimators.tuning.folder import BEST  # noqa: PLC0415
    from gatewise.training.progress import say  # noqa: PLC0415

    model.check_options()
    screen = console(quiet=quiet)
    prepared = prepared_to_fit(model, data)
    print_data(screen, data, prepared)
    with resumable_search(out):
        told = False if quiet else lambda line: say(as_typed(line))
        result = search(model, prepared, out=out, progress=told, source=data, **arguments)
        best = out / BEST
        tuned = result.model
        # The page is written and what it says is not printed: this command is about the settings.
        own = prepared_to_fit(tuned, prepared.given)
        finish(console(quiet=True), tuned, own, data, best, title=title)
    evaluation = tuned.evaluation_
    assert evaluation is not None
    assert result.start.evaluation_ is not None
    print_scores(screen, evaluation, beside={"before tuning": result.start.evaluation_.shown})
    screen.print()
    screen.print("Tuning", style="bold")
    for sentence in result.sentences:
        screen.print(sentence)
    screen.print()
    screen.print(f"Run   {best}")
    print_forecast(screen, Run.open(best))
    screen.print(f"Page  {best / 'report.html'}")
    print_next(screen, {fit_command(tuned, data, "RUN"): "fit with these settings again"})


@contextmanager
def resumable_search(folder: Path) -> Iterator[None]:
    """Turn Ctrl-C into `Interrupted`, with the way on."""
    from gatewise.estimators.tuning.folder import is_tuning  # noqa: PLC0415 - brings torch

    try:
        yield
    except KeyboardInterrupt:
        kept = f"the trials that have ended are kept, and `gatewise resume {folder}` goes on"
        raise Interrupted(kept if is_tuning(folder) else "nothing was written") from None


def read_space(words: Words) -> dict[str, Any]:
    """Return what `--space` says, option by option; OptionError for a word that says nothing."""
    space: dict[str, Any] = {}
    for word in words:
        name, equals, values = word.partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        if not equals or not name or not values.strip():
            raise OptionError(
                f"space: {word!r} is not NAME=VALUES: write hidden_size=16,32,64 or "
                "learning_rate=0.001..0.1"
            )
        if name in space:
            raise OptionError(f"space: {name} is there twice: give all its values in one word")
        low, dots, high = values.partition("..")
        space[name] = (
            (_value(low), _value(high)) if dots else [_value(each) for each in values.split(",")]
        )
    return space


def _value(text: str) -> Any:
    """Return a value as it is typed: a whole number, a number, "none", or a word."""
    text = text.strip()
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None if text == OFF else text


def fit_command(model: Forecaster, data: str, out: str) -> str:
    """Return the command that fits with the settings of `model`, defaults left out."""
    words = ["gatewise", "fit", data]
    for name, default, _ in options_of(model):
        value = getattr(model, name)
        if value == default or (not value and not default and value is not False and value != 0):
            continue
        values = value if isinstance(value, list | tuple) else [value]
        words += [f"--{name.replace('_', '-')}"]
        words += [OFF if each is None else str(each) for each in values]
    return shlex.join([*words, "--out", out])
