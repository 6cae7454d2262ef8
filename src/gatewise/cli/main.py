"""The command line put together: commands, and what each kind of failure prints and returns."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version

from cyclopts import App, Parameter
from cyclopts.exceptions import CycloptsError

from gatewise.cli.as_typed import as_typed
from gatewise.cli.backtesting import backtest
from gatewise.cli.bench import bench
from gatewise.cli.bundled import datasets
from gatewise.cli.config import from_config_file
from gatewise.cli.demo import demo
from gatewise.cli.inspecting import LimitsBroken, inspect
from gatewise.cli.output import help_console
from gatewise.cli.studying import study
from gatewise.cli.training import Interrupted, continue_on, fit, resume, retrain
from gatewise.cli.tuning import tune
from gatewise.cli.using import evaluate, predict
from gatewise.errors import GatewiseError, GatewiseWarning
from gatewise.launch import world_of_launch

HELP = """Recurrent networks you can see inside: train, predict, score, and read the gates.

Start here:

  gatewise demo

With a table of your own:

  gatewise fit river.csv --target discharge --inputs rain tmax tmin --lookback 365 --out runs/river
  gatewise predict runs/river new.csv --out discharge.csv
  gatewise inspect runs/river

A forecast, which runs/sales/forecast.csv then holds:

  gatewise fit sales.csv --target sold --horizon 12 --out runs/sales

DATA is a .csv, .csv.gz, .tsv or .parquet file, or dataset:NAME for a bundled set (gatewise datasets).
Every option may also stand in a file: --config run.toml or run.json; the command line wins.
"""

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "fit": (fit, "DATA --target COLUMN [--inputs COLUMN ...] --out RUN [OPTIONS]"),
    "predict": (predict, "RUN [DATA] [--out FILE]"),
    "evaluate": (
        evaluate,
        "RUN [DATA] [--part PART] [--against RUN] [--predictions FILE] [--json]",
    ),
    "inspect": (inspect, "RUN [DATA] [--by season] [--against RUN] [--json FILE] [OPTIONS]"),
    "backtest": (
        backtest,
        "DATA --target COLUMN ... [--folds N] [--size STEPS] [--out FOLDER] [OPTIONS]",
    ),
    "tune": (
        tune,
        "DATA --target COLUMN ... --out FOLDER [--space NAME=VALUES ...] [OPTIONS]",
    ),
    "demo": (demo, "[--out RUN] [--members N]"),
    "datasets": (datasets, "[NAME] [--out FILE]"),
    "resume": (resume, "RUN [DATA]"),
    "continue": (continue_on, "RUN DATA --out NEW [OPTIONS]"),
    "retrain": (retrain, "RUN DATA --out NEW [OPTIONS]"),
    "study": (study, "[NAME | all] [--quick | --full] [--seeds N] [--out FOLDER]"),
    "bench": (bench, "[--mode MODE ...] [--rows T,B,I,H ...] [--peers PEER ...] [OPTIONS]"),
}

SUCCESS, BROKEN, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def make_app() -> App:
    """Return the cyclopts app with every command."""
    app = App(
        name="gatewise",
        help=HELP,
        help_format="plaintext",
        version=f"gatewise {version('gatewise')}",
        config=from_config_file,
        console=help_console(),
        # Ctrl-C is ours to tell: cyclopts would end the process without a word.
        suppress_keyboard_interrupt=False,
        # No --no-x and --empty-x twins: one spelling per option.
        default_parameter=Parameter(negative=""),
    )
    for name, (command, usage) in COMMANDS.items():
        app.command(command, name=name, usage=f"Usage: gatewise {name} {usage}")
    return app


app = make_app()
"""The cyclopts app; `app.parse_args` checks a command line without running it."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return 0, 1 for limits that a run breaks, 2 for bad input, 130 for Ctrl-C.

    What is wrong stands on stderr: one line for each broken limit, one line for the rest.
    """
    try:
        world_of_launch()
        with warnings.catch_warnings():
            warnings.simplefilter("always", GatewiseWarning)
            warnings.showwarning = _warn  # type: ignore[assignment]  # it takes the rest as it comes
            app(
                list(arguments),
                exit_on_error=False,
                print_error=False,
                result_action="return_value",
            )
    except GatewiseError as error:
        return _complain(f"error: {error}", BAD_INPUT)
    except CycloptsError as error:
        return _complain(f"error: {error}", BAD_INPUT)
    except LimitsBroken as broken:
        for sentence in str(broken).splitlines():
            _complain(f"limit: {sentence}", BROKEN)
        return BROKEN
    except Interrupted as error:
        return _complain(f"interrupted: {error}", INTERRUPTED)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    return SUCCESS


def _complain(text: str, code: int) -> int:
    line = as_typed(" ".join(text.split())).encode(errors="backslashreplace").decode()
    print(f"gatewise: {line}", file=sys.stderr, flush=True)
    return code


def _warn(message: Warning | str, category: type[Warning], *_: object) -> None:
    """Print a warning as one line, in place of Python's two with a path and a line of code."""
    if issubclass(category, GatewiseWarning):
        _complain(f"warning: {message}", SUCCESS)
