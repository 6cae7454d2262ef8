"""The parameters of the commands on sequences, made from the options of each estimator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from gatewise.cli.options import GROUPS, class_of
from gatewise.cli.tasks import Task


def options_class(task: Task, *, kept: bool = False) -> Any:
    """Return the class that cyclopts reads for a fit; with `kept`, for what may change of a run."""
    made = class_of(f"{'Changes' if kept else 'Options'}Of{task.name}", task.options(), kept=kept)
    made.__module__ = __name__  # cyclopts takes what is of the standard library for a plain value
    return Parameter(name="*")(made)


def in_columns(text: str) -> Any:
    """Return the annotation of an optional file that stands with the columns."""
    return Annotated[str | None, Parameter(group=GROUPS["Columns"], help=text, show_default=False)]


def told(text: str, kind: Any = str, **more: Any) -> Any:
    """Return an annotation with its help."""
    return Annotated[kind, Parameter(help=text, **more)]


def command(
    function: Callable[..., None],
    help: str,
    *,
    words: Mapping[str, tuple[Any, Any]],
    options: Mapping[str, tuple[Any, Any]],
) -> Callable[..., None]:
    """Return `function` as a command whose words and options have these annotations and defaults.

    What is true of one task and not of another cannot stand in the source of a function that both share.
    A default of `inspect.Parameter.empty` makes it required. `function` takes all by name, but for
    `task` and `config`, which have been read by then.
    """
    kinds = {"words": inspect.Parameter.POSITIONAL_ONLY, "options": inspect.Parameter.KEYWORD_ONLY}
    parameters = [
        inspect.Parameter(name, kinds[of], default=default, annotation=annotation)
        for of, each in (("words", words), ("options", options))
        for name, (annotation, default) in each.items()
    ]
    signature = inspect.Signature(parameters)

    def run(*given: Any, **named: Any) -> None:
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        function(**{k: v for k, v in bound.arguments.items() if k not in ("task", "config")})

    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__doc__ = help
    return run
