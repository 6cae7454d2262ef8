"""`--config FILE`: every option of a command from a TOML or JSON file; the command line wins."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, Token
from cyclopts.argument import Argument

from gatewise.cli.options import can_be_off_in
from gatewise.cli.tasks import Task
from gatewise.errors import FileError, OptionError, cause, nearest


class UnknownKeyError(OptionError):
    """A key that is no option of the command; `name` is the option that it would be."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def from_config_file(
    task: Task, app: App, commands: tuple[str, ...], arguments: ArgumentCollection
) -> None:
    """Fill the arguments that the command line left open from the file that `--config` names.

    Raises FileError for a file that cannot be read, OptionError for a key that is no option here.
    """
    by_name = {_name(argument): argument for argument in arguments}
    chosen = by_name.get("config")
    if chosen is None or not chosen.tokens:
        return
    path = Path(chosen.tokens[-1].value)
    values = read_config(path)
    known = [name for name in by_name if name != "config"]
    off = can_be_off_in(task.options())
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in known:
            raise UnknownKeyError(
                name, f"{path}: there is no option {key!r} for this command.{nearest(name, known)}"
            )
        if not by_name[name].tokens:
            for index, text in enumerate(_texts(key, value, path, off)):
                token = Token(keyword=f"{path}: {key}", value=text, source=str(path), index=index)
                by_name[name].append(token)


def read_config(path: Path) -> dict[str, Any]:
    """Return the keys and values of a .toml or .json file; of a run's config.json, its settings.

    Raises FileError where it is missing, unreadable or something else.
    """
    values = raw_config(path)
    return _settings_of_run(values, path) if "format" in values else values


def _settings_of_run(values: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the settings in a run's config.json; the values as they are where it is none."""
    from gatewise.estimators.run.config import FORMAT, check_config  # noqa: PLC0415 - not for the help

    if values["format"] != FORMAT:
        return values
    check_config(values, path)
    return dict(values["settings"])


def raw_config(path: Path) -> dict[str, Any]:
    """Return all that a .toml or .json file holds. Raises FileError as `read_config`."""
    readers = {".toml": tomllib.loads, ".json": json.loads}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise FileError(f"the config file {path} must end in .toml or .json")
    try:
        values = reader(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot read the config file {path}: {cause(error)}") from None
    except (
        ValueError,
        RecursionError,
    ) as error:  # malformed TOML and JSON, bytes that are not UTF-8
        raise FileError(f"the config file {path} is not valid {path.suffix[1:]}: {error}") from None
    if not isinstance(values, dict):
        raise FileError(f"the config file {path} must hold names and values, not a list")
    return values


def _name(argument: Argument) -> str:
    """Return the option's Python name, which is also its key in the file."""
    return str(argument.field_info.name)


def _texts(key: str, value: Any, path: Path, off: frozenset[str]) -> list[str]:
    """Return a value as the words that the command line would have had.

    null turns an option off where that is not its default, one of `off`, and else leaves the default,
    which is off.
    """
    if value is None:
        return ["none"] if key.replace("-", "_") in off else []
    if isinstance(value, dict):
        raise OptionError(f"{path}: {key!r} must be a value or a list, not a table")
    if isinstance(value, list):
        return [text for item in value for text in _texts(key, item, path, off)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(value)]
