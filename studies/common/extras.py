"""What a study needs beside gatewise, from the extra `studies`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gatewise.errors import FileError, how_to_install


def needed(module: str) -> Any:
    """Return a module that has no types; FileError, with what to install, where it is missing."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise FileError(f"this study needs {error.name}: {how_to_install('studies')}") from None
