"""The command line put together: commands, and what each kind of failure prints and returns."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

from cyclopts.exceptions import CycloptsError, UnknownOptionError, UnusedCliTokensError

from gatewise.cli.apps import app_of, app_of_traces, of_other_tasks
from gatewise.cli.as_typed import as_typed
from gatewise.cli.choosing import Chosen, choose
from gatewise.cli.config import UnknownKeyError
from gatewise.cli.doctoring import ProblemsFoundError
from gatewise.cli.inspecting import LimitsBroken
from gatewise.cli.output import console
from gatewise.cli.traced import is_of_traces
from gatewise.cli.training import Interrupted
from gatewise.errors import GatewiseError, GatewiseWarning
from gatewise.launch import world_of_launch

SUCCESS, BROKEN, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return 0, 2 for bad input, 130 for Ctrl-C.

    1 is for limits that a run breaks, and for problems that `doctor` finds. What is wrong stands on
    stderr: one line for each broken limit, one line for the rest.
    """
    chosen: Chosen | None = None
    try:
        world_of_launch()
        with warnings.catch_warnings():
            warnings.simplefilter("always", GatewiseWarning)
            warnings.showwarning = _warn  # type: ignore[assignment]  # it takes the rest as it comes
            if is_of_traces(list(arguments)):
                left, app = list(arguments), app_of_traces()
            else:
                chosen = choose(arguments)
                left, app = chosen.words, app_of(chosen.task)
                if chosen.note:
                    console(quiet="--quiet" in left).print(chosen.note)
            app(
                left,
                exit_on_error=False,
                print_error=False,
                result_action="return_value",
            )
    except UnknownKeyError as error:
        return _complain(f"error: {_of_another_task(error.name, chosen) or error}", BAD_INPUT)
    except GatewiseError as error:
        return _complain(f"error: {error}", BAD_INPUT)
    except UnknownOptionError as error:
        name = (error.token.keyword or error.token.value).partition("=")[0].removeprefix("--")
        return _complain(f"error: {_of_another_task(name, chosen) or error}", BAD_INPUT)
    except UnusedCliTokensError as error:
        words = ", ".join(map(repr, error.unused_tokens or ()))
        command = chosen.words[0] if chosen is not None and chosen.words else ""
        return _complain(
            f"error: too many words: {words}; see gatewise {command} --help", BAD_INPUT
        )
    except CycloptsError as error:
        return _complain(f"error: {error}", BAD_INPUT)
    except LimitsBroken as broken:
        for sentence in str(broken).splitlines():
            _complain(f"limit: {sentence}", BROKEN)
        return BROKEN
    except ProblemsFoundError:
        return BROKEN
    except Interrupted as error:
        return _complain(f"interrupted: {error}", INTERRUPTED)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    return SUCCESS


def _of_another_task(name: str, chosen: Chosen | None) -> str:
    """Return whose option it is that this task has not; "" for any other mistake."""
    if chosen is None or not chosen.words:
        return ""
    told = of_other_tasks(chosen.words[0], name.replace("-", "_"), chosen.task)
    return f"--{name.replace('_', '-')} is an option of {told}" if told else ""


def _complain(text: str, code: int) -> int:
    line = as_typed(" ".join(text.split())).encode(errors="backslashreplace").decode()
    print(f"gatewise: {line}", file=sys.stderr, flush=True)
    return code


def _warn(message: Warning | str, category: type[Warning], *_: object) -> None:
    """Print a warning as one line, in place of Python's two with a path and a line of code."""
    if issubclass(category, GatewiseWarning):
        _complain(f"warning: {message}", SUCCESS)
