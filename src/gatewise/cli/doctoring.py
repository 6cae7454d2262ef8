"""The command `doctor`: what is installed here, what is wrong with it, and what to do."""

from __future__ import annotations

import json
from typing import Annotated

from cyclopts import Parameter

from gatewise.cli.options import Config
from gatewise.cli.output import console


class ProblemsFoundError(Exception):
    """Something is wrong, and stands on stdout already."""


def doctor(
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="As JSON, for a program.")
    ] = False,
    config: Config = None,
) -> None:
    """Say what is installed, what the native core runs on, and whether it computes what it should.

    Paste what it prints into a report of a fault. It ends with 1 where it finds a problem.

    Try:

      gatewise doctor
      gatewise doctor --json > doctor.json
    """
    from gatewise.doctor import examine  # noqa: PLC0415 - keeps the help light

    found = examine()
    told = json.dumps(found.as_dict(), indent=2, ensure_ascii=False) if as_json else found.text
    console().print(told)
    if found.problems:
        raise ProblemsFoundError
