"""The folder of one run of a study: what it is of, a file for each seed, and its result.

DIR/study.json       which study, form, settings and version
DIR/seeds/3.json     what seed 3 measured
DIR/result.json      verdict, checks, all seeds' figures, machine, time and command
DIR/report.html      the page; figure.svg and figure.png the picture
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.errors import FileError
from gatewise.files import atomic_write_text, parse

ABOUT, RESULT, PAGE, FIGURE = "study.json", "result.json", "report.html", "figure"
NUMBERS = re.compile(r"\[\n([-\d.eE+,\s]+)\]")


@dataclass(frozen=True)
class StudyFolder:
    """A folder that holds, or will hold, one run of a study."""

    path: Path

    def begin(self, about: Mapping[str, Any], *, overwrite: bool) -> None:
        """Make the folder, or go on with one of the same study, settings and version.

        With `overwrite` the seeds of another run of a study are left out of count and replaced. Raises
        FileError for a folder that holds something else, or another run.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FileError(f"{self.path} is a file: name a folder with --out")
        found = self._about()
        if found is None:
            if self.path.is_dir() and any(self.path.iterdir()):
                raise FileError(
                    f"{self.path} holds no study, and is not empty: name another folder"
                )
        elif found != dict(about):
            if not overwrite:
                raise FileError(self._differs(found, about))
            self.clear()
        try:
            self.seeds.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"{self.path} cannot be made: {error.strerror}") from None
        atomic_write_text(self.path / ABOUT, _text(about))

    @property
    def seeds(self) -> Path:
        """The folder of the seeds' files."""
        return self.path / "seeds"

    def figures(self, seed: int) -> dict[str, Any] | None:
        """Return what a seed measured; None where it has not been run."""
        return _read(self.seeds / f"{seed}.json")

    def keep(self, seed: int, figures: Mapping[str, Any]) -> None:
        """Write what a seed measured, whole or not at all."""
        atomic_write_text(self.seeds / f"{seed}.json", _text(figures))

    def result(self) -> dict[str, Any] | None:
        """Return the result; None where the run has not come to its end."""
        return _read(self.path / RESULT)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result."""
        atomic_write_text(self.path / RESULT, _text(result))

    def clear(self) -> None:
        """Remove what a run of a study left, and nothing else."""
        for name in (ABOUT, RESULT, PAGE, f"{FIGURE}.svg", f"{FIGURE}.png"):
            (self.path / name).unlink(missing_ok=True)
        for file in self.seeds.glob("*.json"):
            file.unlink()

    def _about(self) -> dict[str, Any] | None:
        return _read(self.path / ABOUT)

    def _differs(self, found: Mapping[str, Any], about: Mapping[str, Any]) -> str:
        """Return what sets the folder's run apart from the one that is asked for."""
        if found.get("study") != about["study"]:
            what = f"the study {found.get('study')}"
        elif found.get("form") != about["form"] or found.get("seeds") != about["seeds"]:
            what = f"a {found.get('form')} run with {found.get('seeds')} seeds"
        else:
            what = "a run of another version, or with other settings"
        return f"{self.path} holds {what}: name another with --out, or replace it with --overwrite"


def _read(path: Path) -> dict[str, Any] | None:
    """Return a JSON object; None where there is no file. Raises FileError for a damaged one."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read: {error}") from None
    try:
        found = parse(text)
    except ValueError as error:
        raise FileError(f"{path} is damaged ({error}): remove it, and it is made again") from None
    if not isinstance(found, dict):
        raise FileError(f"{path} is damaged: remove it, and it is made again")
    return found


def _text(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # A list of numbers on one line: a seed may keep thousands. No JSON string has a line's end in it.
    return NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
