"""The studies by name, in the order of the chapter; each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from gatewise.errors import OptionError, nearest
from studies.common.study import Study

FOLDER = Path(__file__).parent

NAMES = (
    "telephone",
    "exponential-curse",
    "enhancer",
    "highway",
    "forget-bias",
    "leaky-bucket",
    "efficient-coding",
    "sensor-fusion",
    "two-way-street",
    "simpler-cousin",
    "finance",
    "gene",
    "river",
    "next-word",
)
ALL, GALLERY = "all", "gallery"
"""What may be named in place of a study."""


def find(name: str) -> Study:
    """Return the study called `name`; OptionError with the nearest names where there is none."""
    if name not in NAMES:
        known = (*NAMES, ALL, GALLERY)
        raise OptionError(f"no study {name!r}.{nearest(name, known)} There are: {', '.join(known)}")
    study: Study = import_module(f"studies.{name.replace('-', '_')}.study").STUDY
    return study


def folder_of(name: str) -> Path:
    """Return the folder of a study in the checkout."""
    return FOLDER / name.replace("-", "_")
