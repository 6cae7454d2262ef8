"""The picture of a page's first screen, beside the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gatewise.cli.opening import check_new_file
from gatewise.errors import OptionError

if TYPE_CHECKING:
    from gatewise.report import Contents


def check_picture(path: Path, overwrite: bool) -> None:
    """Raise FileError or OptionError, before any work, unless a picture can be drawn and written."""
    from gatewise.estimators.forecaster.page.picture import (  # noqa: PLC0415 - brings torch
        KINDS,
        check_can_draw,
    )

    check_new_file(path, overwrite, ending=KINDS)
    check_can_draw()


def pictured_beside(
    screen: Console, contents: Contents, page: Path | None, asked: Path | None = None
) -> Path | None:
    """Write the picture to the file asked for, or beside a page; return where, None for nowhere.

    A page does without one that nobody asked for: where matplotlib is not installed, a line says so.
    """
    from gatewise.estimators.forecaster.page import picture  # noqa: PLC0415 - brings torch

    path = asked or (page and page.with_suffix(".png"))
    if path is None:
        return None
    try:
        picture.write_picture(contents, path)
    except OptionError as error:
        if asked is not None:
            raise
        screen.print(f"No picture of the page: {error}")
        return None
    return path
