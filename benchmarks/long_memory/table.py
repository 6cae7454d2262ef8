"""The kept results as tables, a row for each seed."""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from studies.common.statistics import share_interval

RESULTS = Path(__file__).parent / "results"
COLUMNS = ("zero cell", "zero hidden", "transplant", "no mark")
ABOVE = 0.95
"""Accuracy that is asked of a seed in DNA."""


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Give a command the options that say where results are, and that they are to be shown alone."""
    parser.add_argument("--folder", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print what is there, measure nothing")


def parsed(parser: argparse.ArgumentParser, words: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of a command; ends the program where a table is asked of no folder."""
    given = parser.parse_args(words)
    if given.table and not given.folder.is_dir():
        parser.error(f"{os.fspath(given.folder)} is no folder")
    return given


def tables(folder: Path = RESULTS) -> list[str]:
    """Return the tables of all cells and lengths in a folder, in this order."""
    paths = [path for cell in ("lstm", "gru") for path in folder.glob(f"{cell}-*.json")]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(paths, key=_order)]
    return [line for one in found for line in table(one)]


def table(found: Mapping[str, Any]) -> list[str]:
    """Return the table of one file, and its summary."""
    seeds = found["seeds"]
    head = (
        "seed",
        "solved",
        "accuracy",
        "CPU s",
        "longest trained on",
        *COLUMNS,
        "at 2 ×",
        "at 4 ×",
        "leak × T / ln 2",
    )
    lines = [
        f"\n**{found['cell']}, {found['steps']:,} steps**, accuracy on {2 * found['rows']} sequences\n",
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
    ]
    for one in seeds:
        shares = [one.get(name) for name in (*COLUMNS, "accuracy at 2 x", "accuracy at 4 x")]
        cells = (
            str(one["seed"]),
            "yes" if one.get("solved") else "no",
            _share(one.get("accuracy")),
            f"{one['CPU seconds']:.0f}",
            f"{one['longest']:,}",
            *(_share(share) for share in shares),
            f"{one['leak'][0] * found['steps'] / math.log(2):.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    solved = sum(bool(one.get("solved")) for one in seeds)
    rate = share_interval(solved, len(seeds))
    seconds = [one["CPU seconds"] for one in seeds]
    failed = [f"Seed {one['seed']}: {one['cause']}." for one in seeds if one["cause"]]
    return [
        *lines,
        "",
        *failed,
        f"{solved} of {len(seeds)} seeds solved ({rate.low:.2f} to {rate.high:.2f}); CPU seconds: "
        f"median {statistics.median(seconds):.0f}, most {max(seconds):.0f}; peak memory "
        f"{max(one['peak memory, GB'] for one in seeds):.1f} GB.",
    ]


def arms_table(found: Mapping[str, Any]) -> list[str]:
    """Return the table of a file of arms, a row for each."""
    lines = [
        f"\n**{found['arms']}, {found['steps']:,} steps**\n",
        "| arm | solved | 95 % interval | CPU s, median | longest, median | right with c set to 0 | "
        "largest abs(c) |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(entry["arm"] for entry in found["seeds"]):
        runs = [entry for entry in found["seeds"] if entry["arm"] == name]
        solved = [run for run in runs if run["solved"]]
        rate = share_interval(len(solved), len(runs))
        zeroed = [run["zero cell"] for run in solved if "zero cell" in run]
        largest = [run["largest cell"] for run in solved if "largest cell" in run and zeroed]
        cells = (
            name,
            f"{len(solved)} of {len(runs)}",
            f"{rate.low:.2f}–{rate.high:.2f}",
            f"{statistics.median(run['CPU seconds'] for run in runs):.0f}",
            f"{statistics.median(run['longest'] for run in runs):,.0f}",
            f"{min(zeroed):.2f}–{max(zeroed):.2f}" if zeroed else "–",
            f"{min(largest):.1f}–{max(largest):.1f}" if largest else "–",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def arms_tables(arms: str, folder: Path = RESULTS) -> list[str]:
    """Return the tables of "parts" or "starts", by length."""
    paths = sorted(folder.glob(f"{arms}-*.json"), key=_order)
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [line for one in found for line in arms_table(one)]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _order(path: Path) -> tuple[str, int]:
    cell, _, steps = path.stem.rpartition("-")
    return cell, int(steps)


def dna_tables(folder: Path = RESULTS) -> list[str]:
    """Return the tables of the task in DNA, by length."""
    paths = sorted(folder.glob("dna-*.json"), key=_order)
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [line for one in found for line in _dna_table(one)]


def _dna_table(found: Mapping[str, Any]) -> list[str]:
    head = (
        "seed",
        "accuracy",
        "ended by the bound",
        "CPU s",
        "longest trained on",
        "lowest score of a word",
        "highest without",
        *COLUMNS,
    )
    lines = [
        f"\n**DNA, {found['steps']:,} bases**, accuracy on {found['rows']} sequences of a file\n",
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
    ]
    for one in found["seeds"]:
        cells = (
            str(one["seed"]),
            _share(one.get("accuracy")),
            "yes" if one["ended by the bound"] else "no",
            f"{one['CPU seconds']:.0f}",
            f"{one['longest']:,}",
            *(f"{one['detector'][name]:.1f}" for name in ("lowest of a word", "highest without")),
            *(_share(one.get(name)) for name in COLUMNS),
        )
        lines.append(f"| {' | '.join(cells)} |")
    above = sum(one.get("accuracy", 0.0) > ABOVE for one in found["seeds"])
    return [*lines, "", f"{above} of {len(found['seeds'])} seeds above {ABOVE:g}."]


def short_tables(folder: Path = RESULTS) -> list[str]:
    """Return the table of what the start for long memories does where memory is short."""
    path = folder / "short.json"
    return (
        short_table(json.loads(path.read_text(encoding="utf-8"))["seeds"]) if path.exists() else []
    )


def short_table(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a row for each task: its scores by start, seed by seed, and what the start changes."""
    lines = [
        "",
        "| task | steps | score | usual start, by seed | `long_memory=`, by seed | mean difference |",
        "|---|---|---|---|---|---|",
    ]
    for task in dict.fromkeys(one["task"] for one in entries):
        runs = [one for one in entries if one["task"] == task]
        by_start: dict[str, dict[int, float]] = {"usual": {}, "long memory": {}}
        for one in runs:
            by_start[one["start"]][one["seed"]] = one["value"]
        usual, long = by_start.values()
        both = sorted(usual.keys() & long.keys())
        if both:
            change = statistics.fmean(long[seed] - usual[seed] for seed in both)
            values = (" ".join(f"{found[seed]:.3f}" for seed in both) for found in (usual, long))
            cells = (task, str(runs[0]["steps"]), runs[0]["score"], *values, f"{change:+.3f}")
            lines.append(f"| {' | '.join(cells)} |")
    return lines
