"""What is installed here and whether it works: `gatewise doctor`, `gw.show_versions`."""

from __future__ import annotations

from gatewise.doctor.examination import Examination, examine

__all__ = ["Examination", "examine", "show_versions"]


def show_versions() -> None:
    """Print versions, platform, native core and threads as text, to be pasted into a report of a fault.

    It needs a second or two, for a test of the core against the reference engine. What is missing or
    broken stands in the text, with what to do. Raises nothing.
    """
    print(examine().text)
