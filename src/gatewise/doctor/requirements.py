"""What gatewise needs, by its own metadata: which version is there, and whether it is new enough."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

_WORDED = re.compile(
    r"""^(?P<name>[A-Za-z0-9._-]+)\s*(\[[^]]*\])?\s*\(?(?P<bounds>[^;)]*)\)?
    (;.*extra\s*==\s*['"](?P<extra>[^'"]+)['"])?""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Requirement:
    """A package that gatewise, or an extra of it, needs.

    Attributes:
        name: The package.
        least: The oldest version that will do; "" for any.
        extra: The extra that needs it; "" for gatewise itself.
        there: The version that is installed; "" where it is not.
    """

    name: str
    least: str
    extra: str
    there: str

    @property
    def told(self) -> str:
        """What is there, in a few words."""
        if not self.there:
            return "not installed"
        return f"{self.there}, older than {self.least}" if self._is_old() else self.there

    @property
    def problem(self) -> str:
        """What is wrong with it and what to do; "" where nothing is."""
        if self.there and not self._is_old():
            return ""
        wanted = f"{self.name}>={self.least}" if self.least else self.name
        return f"{self.name} is {self.told}. pip install '{wanted}'"

    def _is_old(self) -> bool:
        return bool(self.least) and _numbers(self.there) < _numbers(self.least)


def requirements() -> list[Requirement]:
    """Return what the installed gatewise asks for; nothing where it is imported from a bare folder."""
    try:
        lines = requires("gatewise") or []
    except PackageNotFoundError:
        return []
    return [read(line) for line in lines]


def read(line: str) -> Requirement:
    """Read a line of the metadata, such as `optuna>=4.2; extra == 'tune'`."""
    found = _WORDED.match(line)
    assert found is not None, line
    least = re.search(r">=\s*([^\s,]+)", found["bounds"])
    name = found["name"]
    return Requirement(name, least[1] if least else "", found["extra"] or "", _installed(name))


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: (2, 13, 0) of "2.13.0+cpu"."""
    release = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in release[0].split(".")) if release else ()
