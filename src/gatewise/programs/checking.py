"""`gatewise run --check`: whether gatewise and torch agree on the program's own calls."""

from __future__ import annotations

import threading
from typing import Any

from gatewise.programs.again import again, is_plain, steps_and_rows
from gatewise.programs.agreement import agreement
from gatewise.programs.taking import Call

ROWS, STEPS, MOST = 4, 1000, 20
"""What of a call is looked at, and how many kinds of calls: the program waits for it."""


class Checker:
    """Compares the first call of each kind: one operator with weights of one shape."""

    def __init__(self) -> None:
        self.seen: set[tuple[Any, ...]] = set()
        self.found: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    def __call__(self, name: str, call: Call) -> None:
        """Compare a call that has been made, if it is the first of its kind."""
        kind = (name, call.bidirectional, *(weight.shape for weight in call.weights))
        with self.lock:
            if kind in self.seen or len(self.seen) >= MOST or not is_plain(call):
                return
            self.seen.add(kind)
        steps, rows = steps_and_rows(call)
        made = again(name.partition(".")[0], call, min(rows, ROWS), min(steps, STEPS))
        found = agreement(made.module, made.arguments, grows_if_apart=True)
        row = {
            "operator": name,
            "shape": list(call.x.shape),
            "layers": call.layers,
            "directions": 2 if call.bidirectional else 1,
            "rows": min(rows, ROWS),
            "steps": min(steps, STEPS),
            "ours_torch": found.ours_torch,
            "ours_exact": found.ours_exact,
            "torch_exact": found.torch_exact,
            "reading": found.reading,
        }
        with self.lock:
            self.found.append(row)


def told(rows: list[dict[str, Any]]) -> list[str]:
    """Return a line for each kind of call that was compared."""
    if not rows:
        return [
            "gatewise: no call to check: none of torch's LSTM, GRU or RNN in float32 or float64"
        ]
    return [
        f"gatewise: {row['operator']} {'x'.join(map(str, row['shape']))} "
        f"({row['layers']} x {row['directions']}): {row['reading']}"
        for row in rows
    ]
