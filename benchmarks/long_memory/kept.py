"""A file of results that grows entry by entry, so that a run that was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.against_peers.machine import facts
from gatewise.files import atomic_write_text


@dataclass(frozen=True)
class Kept:
    """One file: what all entries were made with, and the entries, each known by its `keys`."""

    path: Path
    about: Mapping[str, Any]
    keys: tuple[str, ...] = ("seed",)

    def entries(self) -> list[dict[str, Any]]:
        """Return what is there; end the program where it was made with other settings."""
        if not self.path.exists():
            return []
        known = json.loads(self.path.read_text(encoding="utf-8"))
        if {name: known.get(name) for name in self.about} != self.about:
            raise SystemExit(f"{self.path} was made with other settings: name another --folder")
        found: list[dict[str, Any]] = known["seeds"]
        return found

    def has(self, *key: Any) -> bool:
        """Return whether there is an entry of that key."""
        return key in [self._key(entry) for entry in self.entries()]

    def add(self, entry: dict[str, Any]) -> None:
        """Write the file with one entry more, whole or not at all."""
        entries = sorted([*self.entries(), entry], key=self._key)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        values = {**self.about, "machine": facts(), "seeds": entries}
        atomic_write_text(self.path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")

    def _key(self, entry: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(entry[name] for name in self.keys)
