"""`gatewise backtest`: the same settings fitted before each of several test blocks, and their scores."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from gatewise.cli.options import RUN, Config, ForecasterOptions, Quiet, Whole
from gatewise.cli.output import console, grid
from gatewise.cli.training import Data, Interrupted
from gatewise.errors import OptionError

if TYPE_CHECKING:
    from rich.console import Console

    from gatewise.estimators.forecaster.backtesting.result import Backtest

BLOCKS = Group("Test blocks", sort_key=0)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Rolled:
    """How the origins roll, and where the result is left."""

    folds: Annotated[Whole, Parameter(group=BLOCKS, help="Test blocks at the end of the data.")] = 3
    size: Annotated[
        Whole | None,
        Parameter(
            group=BLOCKS,
            help="Steps of a block. [default: a tenth of the data, and at least the horizon]",
            show_default=False,
        ),
    ] = None
    out: Annotated[
        str | None,
        Parameter(
            group=RUN, help="Folder to make: scores, predictions and a plot. [default: none]"
        ),
    ] = None
    overwrite: Annotated[
        bool,
        Parameter(
            group=RUN, help="Replace an earlier backtest there.", show_default=False, negative=""
        ),
    ] = False
    as_json: Annotated[
        bool,
        Parameter(
            name="--json", group=RUN, help="Print JSON instead.", show_default=False, negative=""
        ),
    ] = False
    quiet: Quiet = False


def backtest(
    data: Data,
    /,
    *,
    rolled: Rolled | None = None,
    options: ForecasterOptions | None = None,
    config: Config = None,
) -> None:
    """Fit anew before each of several test blocks at the end of the data, and score each block.

    One test part is one draw: the folds show how far scores differ from one time to another.

    Try:

      gatewise backtest sales.csv --target sold --horizon 12 --folds 4 --out runs/rolling

    --validation is the share of the data before each block that is watched; --test plays no part.
    """
    from gatewise import Forecaster  # noqa: PLC0415 - brings torch
    from gatewise.estimators.forecaster.backtesting import folder as files  # noqa: PLC0415
    from gatewise.files import finite_json  # noqa: PLC0415

    rolled = rolled or Rolled()
    if rolled.out is None and rolled.quiet:
        raise OptionError("quiet without out leaves nothing: name a folder for the result")
    folder = None
    if rolled.out is not None:
        folder = files.check_folder(rolled.out, overwrite=rolled.overwrite)
    model = Forecaster(**(options or ForecasterOptions()).settings())
    screen = console(quiet=rolled.quiet or rolled.as_json)
    try:
        result = model.backtest(
            data, folds=rolled.folds, size=rolled.size, progress=not rolled.quiet
        )
    except KeyboardInterrupt:
        raise Interrupted("nothing was written") from None
    drawn = False
    if folder is not None:
        drawn = files.write_backtest(result, folder, {**model.to_json(), "data": data})
    if rolled.as_json:
        print(json.dumps(finite_json(result.to_dict()), indent=2))
    print_backtest(screen, result)
    if folder is not None:
        screen.print()
        screen.print(f"Folder  {folder}")
        if drawn:
            screen.print(f"Plot    {Path(folder) / files.PICTURE}")


def print_backtest(out: Console, result: Backtest) -> None:
    """Print the scores over all folds, those of the model fold by fold, and what they say."""
    targets = result.predictions.targets
    for target in targets:
        of = f": {target}" if len(targets) > 1 else ""
        by_series = result.folds[0].evaluation.by_series
        if by_series is not None:
            of += f", medians over {len(by_series.series)} series"
        out.print()
        out.print(f"Mean over {len(result.folds)} folds, and standard deviation{of}", style="bold")
        out.print(_over_all(result, target))
        out.print()
        out.print(f"gatewise, fold by fold{of}", style="bold")
        out.print(_by_fold(result, target))
    out.print()
    for sentence in result.sentences:
        out.print(sentence)


def _over_all(result: Backtest, target: str) -> Any:
    from gatewise.estimators.forecaster.score_names import (  # noqa: PLC0415 - brings torch
        model_name,
    )

    tables = {model: table[target] for model, table in result.scores.items() if target in table}
    metrics = _metrics(result, tables.values())
    made = _grid("model", metrics)
    for model, scores in tables.items():
        spread = result.spread[model][target]
        cells = [_spread(name, scores, spread) for name in metrics]
        made.add_row(model_name(model), *cells, style="bold" if model == "gatewise" else "")
    return made


def _by_fold(result: Backtest, target: str) -> Any:
    from gatewise.estimators.forecaster.backtesting.origins import short_time  # noqa: PLC0415

    tables = [fold.evaluation.shown["gatewise"][target] for fold in result.folds]
    metrics = _metrics(result, tables)
    made = _grid("fold", metrics, before=("from", "until"))
    for place, (fold, scores) in enumerate(zip(result.folds, tables, strict=True), 1):
        ends = [short_time(each) for each in (fold.test_from, fold.test_until)]
        made.add_row(str(place), *ends, *(_text(name, scores) for name in metrics))
    return made


def _grid(head: str, metrics: list[str], before: tuple[str, ...] = ()) -> Any:
    from gatewise.estimators.forecaster.score_names import (  # noqa: PLC0415 - brings torch
        metric_name,
    )

    made = grid()
    for name in (head, *before):
        made.add_column(name)
    for metric in metrics:
        made.add_column(metric_name(metric), justify="right")
    return made


def _metrics(result: Backtest, tables: Iterable[dict[str, float]]) -> list[str]:
    from gatewise.estimators.forecaster.score_names import (  # noqa: PLC0415 - brings torch
        shown_metrics,
    )

    found = (name for table in tables for name in table)
    return shown_metrics(found, forecast=result.predictions.forecast)


def _text(metric: str, scores: dict[str, float]) -> str:
    from gatewise.estimators.forecaster.score_names import (  # noqa: PLC0415 - brings torch
        metric_text,
    )

    return metric_text(metric, scores.get(metric))


def _spread(metric: str, scores: dict[str, float], spread: dict[str, float]) -> str:
    return f"{_text(metric, scores)} ± {_text(metric, spread)}" if metric in scores else "–"
