"""What lies beside the package in a checkout, and is not in the installed package."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from gatewise.errors import FileError, how_to_install

CHECKOUT = Path(__file__).parents[3]
"""The root of the checkout, where the package lies in one; somewhere above site-packages otherwise."""


def from_checkout(folder: str, module: str, *, command: str, extra: str) -> ModuleType:
    """Return a module of a folder of the checkout, which the package cannot import by a statement.

    It knows nothing of the command line, so that this is no circle. Raises FileError where gatewise was
    installed without its checkout, and where what the module needs is missing: `extra` has it.
    """
    if not (CHECKOUT / folder).is_dir():
        raise FileError(
            f"{command} needs a checkout of gatewise, because the {folder} are not in the installed "
            f"package: {how_to_install(extra)}"
        )
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
    try:
        return import_module(f"{folder}.{module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in ("gatewise", folder):
            raise
        raise FileError(f"{command} needs {error.name}: {how_to_install(extra)}") from None
