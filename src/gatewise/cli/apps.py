"""The commands put together: an app of cyclopts for each task, since each has options of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version
from typing import Any

from cyclopts import App, Parameter

from gatewise.cli.backtesting import backtest
from gatewise.cli.bench import bench
from gatewise.cli.bundled import datasets
from gatewise.cli.config import from_config_file
from gatewise.cli.demo import demo
from gatewise.cli.doctoring import doctor
from gatewise.cli.inspecting import inspect
from gatewise.cli.output import help_console
from gatewise.cli.resuming import resume
from gatewise.cli.streaming import stream
from gatewise.cli.studying import study
from gatewise.cli.tasks import FORECAST, TASKS, Task
from gatewise.cli.traced import inspect_traces
from gatewise.cli.training import continue_on, fit, retrain
from gatewise.cli.tuning import tune
from gatewise.cli.using import evaluate, predict

HELP = """Recurrent networks you can see inside: train, predict, score, and read the gates.

Start here:

  gatewise demo

With a table of your own:

  gatewise fit river.csv --target discharge --inputs rain tmax tmin --lookback 365 --out runs/river
  gatewise predict runs/river new.csv --out discharge.csv
  gatewise inspect runs/river

A forecast, which runs/sales/forecast.csv then holds:

  gatewise fit sales.csv --target sold --horizon 12 --out runs/sales

Labels of sequences or of their steps, numbers of sequences, what comes next in a text:

  gatewise fit promoters.fa --labels strength.csv --task classify --out runs/promoters
  gatewise fit genome.gb --task tag --out runs/genes
  gatewise fit alice.txt --task language --out runs/alice
  gatewise demo --task language

Any PyTorch program, untouched, with its LSTM, GRU and RNN on gatewise's engine (gatewise run --help):

  gatewise run script.py

DATA is a .csv, .csv.gz, .tsv or .parquet file, or dataset:NAME for a bundled set (gatewise datasets);
with --task also FASTA, GenBank or a text (gatewise fit --task tag --help).
Every option may also stand in a file: --config run.toml or run.json; the command line wins.
"""

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "fit": (fit, "DATA --target COLUMN [--inputs COLUMN ...] --out RUN [OPTIONS]"),
    "predict": (predict, "RUN [DATA] [--out FILE]"),
    "stream": (stream, "RUN [--mode MODE] [--history FILE] [--state FILE]  < LINES"),
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
    "study": (study, "[NAME | all | gallery] [--quick | --full] [--seeds N] [--out FOLDER]"),
    "doctor": (doctor, "[--json]"),
    "bench": (bench, "[--mode MODE ...] [--rows T,B,I,H ...] [--peers PEER ...] [OPTIONS]"),
}
"""Those of a forecast; another task has some of its own."""


@cache
def app_of(task: Task) -> App:
    """Return the app with every command as a task has it; `parse_args` checks a line without a run."""
    app = App(
        name="gatewise",
        help=HELP,
        help_format="plaintext",
        version=f"gatewise {version('gatewise')}",
        config=partial(from_config_file, task),
        console=help_console(),
        # Ctrl-C is ours to tell: cyclopts would end the process without a word.
        suppress_keyboard_interrupt=False,
        # No --no-x and --empty-x twins: one spelling per option.
        default_parameter=Parameter(negative=""),
    )
    for name, (command, usage) in {**COMMANDS, **task.own_commands()}.items():
        app.command(command, name=name, usage=f"Usage: gatewise {name} {usage}")
    return app


def options_of_command(verb: str, task: Task) -> dict[str, Any]:
    """Return a command's options by their Python names, as a task has them; {} for no command."""
    if verb not in COMMANDS:
        return {}
    arguments = app_of(task)[verb].assemble_argument_collection()
    return {str(each.field_info.name): each for each in arguments if each.name.startswith("--")}


def of_other_tasks(verb: str, name: str, task: Task) -> str:
    """Return "--task tag, and this is --task classify" for an option of others; "" for one of nobody."""
    found = [other.name for other in TASKS.values() if name in options_of_command(verb, other)]
    if not found or task.name in found:
        return ""
    return f"--task {' or '.join(found)}, and this is --task {task.name}"


app = app_of(FORECAST)
"""The commands as a forecast has them."""


@cache
def app_of_traces() -> App:
    """Return the app with the one command for what `gatewise run --trace` left."""
    found = App(
        name="gatewise",
        help_format="plaintext",
        console=help_console(),
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(negative=""),
    )
    usage = "Usage: gatewise inspect DIR [--explain] [--overwrite]"
    found.command(inspect_traces, name="inspect", usage=usage)
    return found
