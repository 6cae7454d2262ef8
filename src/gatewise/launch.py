"""The rank and number of processes that torchrun sets in the environment; half of it is refused."""

from __future__ import annotations

import os
import sys
from typing import Any

from gatewise.errors import OptionError

_MEETING = ("MASTER_ADDR", "MASTER_PORT")


def world_of_launch() -> tuple[int, int]:
    """Return this process's rank and the number of processes, (0, 1) where nothing launched several.

    Raises OptionError, which names the variables, where they do not fit together: a process that took
    itself for the second of one would silently neither write nor print.
    """
    given = {name: os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE")}
    if not any(given.values()):
        return 0, 1
    # a world of one process asks for nothing that a process alone does not do
    if not given["RANK"] and given["WORLD_SIZE"] == "1":
        return 0, 1
    told = ", ".join(f"{name}={value or 'unset'}" for name, value in given.items())
    advice = "start it with torchrun, which sets them, or unset both"
    if not all(value.isascii() and value.isdecimal() for value in given.values()):
        raise OptionError(f"the environment has {told}, but needs both as whole numbers: {advice}")
    rank, size = int(given["RANK"]), int(given["WORLD_SIZE"])
    if rank >= size:
        raise OptionError(
            f"the environment has {told}, but ranks go from 0 to {size - 1}: {advice}"
        )
    missing = [name for name in _MEETING if size > 1 and not os.environ.get(name)]
    if missing:
        raise OptionError(
            f"the environment has {told}, but no {' and no '.join(missing)}: {advice}"
        )
    return rank, size


def is_main_process() -> bool:
    """Return whether this process speaks and writes: the first one under torchrun.

    Where processes have joined by torch, it is torch that knows, whoever launched them.
    """
    joined: Any = sys.modules.get("torch.distributed")
    if joined is not None and joined.is_available() and joined.is_initialized():
        return bool(joined.get_rank() == 0)
    return world_of_launch()[0] == 0
