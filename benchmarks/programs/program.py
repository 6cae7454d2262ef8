"""What the driver has to know of a program. Imports the standard library alone."""

from __future__ import annotations

from typing import NamedTuple


class Program(NamedTuple):
    """A program, as its module's `PROGRAM` describes it.

    The module has `work(folder, variant, out)`, which runs in the program's environment and writes a
    file: text where the program's results are discrete, an array of NumPy otherwise. It may have
    `prepare(folder, variant)` before and `finish(folder, variant, out)` after, which are not timed, and
    in place of `work` a `command(scripts, folder, variant, out)`: the words of a console script.
    """

    about: str
    """What of the program runs."""
    packages: tuple[str, ...]
    """What pip installs for it, beside gatewise."""
    imports: tuple[str, ...]
    """The modules without which it is skipped."""
    variants: tuple[str, ...] = ("",)
    """Each runs on its own: the models of a program, or its ways of being used."""
    stage: tuple[str, str] | None = None
    """Words of lines on stderr: where the part begins and ends that holds the recurrent network."""
