"""A profile for every test: no deadline, as a first example may import a module or wait for a core."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
