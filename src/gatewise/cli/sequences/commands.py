"""The commands of a task on sequences, as cyclopts reads them: the same verbs, with its own options."""

from __future__ import annotations

import inspect as signatures
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from cyclopts import Group, Parameter

from gatewise.cli.opening import Model
from gatewise.cli.options import (
    Config,
    Device,
    DeviceOfFit,
    NewRun,
    NewTitle,
    Quiet,
    TaskOption,
    Whole,
)
from gatewise.cli.sequences import demo, speaking, training, using
from gatewise.cli.sequences.kinds import KINDS, Kind, PartName
from gatewise.cli.sequences.options import command, in_columns, options_class, told
from gatewise.cli.tasks import Commands, Task
from gatewise.cli.training import RunFolder

SPEECH = Group("Language", sort_key=0)
NEEDED = signatures.Parameter.empty


def spoken(text: str, kind: Any) -> Any:
    """Return the annotation of an option of a language model's predict, which may be left out."""
    return Annotated[kind | None, Parameter(group=SPEECH, help=text)]


Part = Annotated[
    PartName | None,
    Parameter(help="Part to score, as in the fit. [default: as in the fit; all of other DATA]"),
]
Overwrite = Annotated[bool, Parameter(help="Replace that file if it exists.", show_default=False)]
AsJson = Annotated[bool, Parameter(name="--json", help="Print JSON instead.", show_default=False)]
JsonFile = Annotated[
    str | None,
    Parameter(
        name="--json",
        help="File for scores and findings as JSON; - prints them alone.",
        allow_leading_hyphen=True,  # "-" is a value
    ),
]
ItsData = told("DATA to read. [default: that of the fit]", str | None)
CONTINUE = (
    "Train a finished run on with new data: weights, vocabulary, classes and scaling stay, and the "
    "result is a new run."
)
RETRAIN = "Train afresh with the settings of an earlier run: new weights, new scaling, a new run."
Page = told("The page, .html. [default: RUN/report.html]", str | None)


SPEAKING = {
    "suggest": (
        spoken("A text: print the likeliest next tokens with their probabilities.", str),
        None,
    ),
    "count": (spoken("How many of them.", Whole), speaking.DEFAULTS["count"]),
    "sample": (spoken("Draw so many tokens, one after the other.", Whole), None),
    "prompt": (spoken("The text that the sample goes on from.", str), speaking.DEFAULTS["prompt"]),
    "temperature": (
        spoken("Below 1 keeps to what is likely; 0 is always the likeliest.", float),
        speaking.DEFAULTS["temperature"],
    ),
    "top_k": (spoken("Draw from so many of the likeliest alone.", Whole), None),
    "top_p": (spoken("Draw from the fewest that hold this share of the probability.", float), None),
    "seed": (spoken("The same seed gives the same sample.", Whole), speaking.DEFAULTS["seed"]),
}
MARKING = {
    "min_length": (
        told(
            "Leave out features of fewer steps, of a .bed or .gff3 file. [default: 1]", Whole | None
        ),
        None,
    )
}
Options = dict[str, tuple[Any, Any]]


def commands_of(task: Task) -> Commands:
    """Return the verbs of a task on sequences."""
    kind = KINDS[task.name]
    says = " [--labels FILE]" if kind.labels else ""
    return {
        "fit": (_fit(task, kind), f"DATA{says} --out RUN [OPTIONS]"),
        "predict": (_predict(task, kind), "RUN [DATA] [--out FILE]"),
        "evaluate": (
            _evaluate(task, kind),
            f"RUN [DATA]{says} [--part PART] [--against RUN] [--json]",
        ),
        "inspect": (_inspect(task, kind), f"RUN [DATA]{says} [--json FILE] [OPTIONS]"),
        "resume": (_resume(task, kind), f"RUN [DATA]{says}"),
        "continue": (
            _again(task, kind, training.continue_on, CONTINUE),
            f"RUN DATA{says} --out NEW",
        ),
        "retrain": (_again(task, kind, training.retrain, RETRAIN), f"RUN DATA{says} --out NEW"),
        "demo": (_demo(task), "[--out RUN] [--members N]"),
    }


def _labels(kind: Kind) -> Options:
    return {"labels": (in_columns(kind.labels), None)} if kind.labels else {}


def _fit(task: Task, kind: Kind) -> Callable[..., None]:
    return command(
        partial(training.fit, task),
        kind.fit_help(),
        words={"data": (told(kind.data), NEEDED)},
        options={
            "new": (NewRun, NEEDED),
            "task": (TaskOption, None),
            **_labels(kind),
            "options": (options_class(task) | None, None),
            "config": (Config, None),
        },
    )


def _again(task: Task, kind: Kind, function: Callable[..., None], help: str) -> Callable[..., None]:
    return command(
        partial(function, task),
        help,
        words={"run": (RunFolder, NEEDED), "data": (told(kind.data), NEEDED)},
        options={
            "new": (NewRun, NEEDED),
            **_labels(kind),
            "changes": (options_class(task, kept=True) | None, None),
            "config": (Config, None),
        },
    )


def _resume(task: Task, kind: Kind) -> Callable[..., None]:
    return command(
        partial(training.resume, task),
        "Finish an interrupted fit; the result is the same as if it had not been interrupted.",
        words={"run": (RunFolder, NEEDED), "data": (ItsData, None)},
        options={
            **_labels(kind),
            "title": (NewTitle, None),
            "device": (DeviceOfFit, None),
            "quiet": (Quiet, False),
            "config": (Config, None),
        },
    )


def _predict(task: Task, kind: Kind) -> Callable[..., None]:
    return command(
        partial(speaking.predict if kind.speaks else using.predict, task),
        kind.predict_help,
        words={"run": (Model, NEEDED), "data": (ItsData, None)},
        options={
            **(SPEAKING if kind.speaks else {}),
            "out": (told(f"File to write: {', '.join(kind.endings)}.", str | None), None),
            **(MARKING if kind.marks else {}),
            "overwrite": (Overwrite, False),
            "device": (Device, "cpu"),
            "config": (Config, None),
        },
    )


def _evaluate(task: Task, kind: Kind) -> Callable[..., None]:
    return command(
        partial(using.evaluate, task),
        "Score a run beside the baselines, on a part of its data or on new data with labels.",
        words={"run": (Model, NEEDED), "data": (ItsData, None)},
        options={
            **_labels(kind),
            "part": (Part, None),
            "against": (told("Another run or model, to score on the same DATA.", str | None), None),
            "predictions": (
                told("A table of predictions, as predict writes it, to score too.", str | None),
                None,
            ),
            "as_json": (AsJson, False),
            "device": (Device, "cpu"),
            "config": (Config, None),
        },
    )


def _inspect(task: Task, kind: Kind) -> Callable[..., None]:
    return command(
        partial(using.inspect, task),
        "Write the page of a run anew, or one about other data or another part.",
        words={"run": (Model, NEEDED), "data": (ItsData, None)},
        options={
            **_labels(kind),
            "part": (Part, None),
            "out": (Page, None),
            "picture": (
                told("The page's first screen as a picture: .png, .pdf or .svg.", str | None),
                None,
            ),
            "overwrite": (Overwrite, False),
            "title": (NewTitle, None),
            "as_json": (JsonFile, None),
            "device": (Device, "cpu"),
            "config": (Config, None),
        },
    )


def _demo(task: Task) -> Callable[..., None]:
    made = demo.DEMOS[task.name]
    place = f"Run folder; the demo replaces an earlier one in it. [default: runs/demo-{task.name}]"
    return command(
        partial(demo.demo, task),
        f"{made.says}\n\nTry:\n\n  gatewise demo --task {task.name}\n\n"
        "An interrupted demo goes on where it stopped.",
        words={},
        options={
            "task": (TaskOption, None),
            "out": (told(place, str | None), None),
            "members": (told("Networks with seeds of their own.", Whole), 1),
            "seed": (told("Seed of the first member.", Whole), 0),
            "quiet": (Quiet, False),
            "config": (Config, None),
        },
    )
