"""A process that computes trials: `python -m gatewise.estimators.tuning.worker FOLDER`.

In FOLDER lies the job. Lines of JSON come on stdin and go to stdout: a trial's changes, its scores on
the way, each answered by whether to stop, and its outcome.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any


def main() -> None:
    """Compute the trials that are asked for until stdin ends."""
    # Ctrl-C goes to every process of the terminal: the one that asks ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    from gatewise.estimators.tuning.trial import Job, run_trial  # noqa: PLC0415 - brings torch

    job = Job.read(Path(sys.argv[1]))
    try:
        _say(said, {"ready": True})
        while line := sys.stdin.buffer.readline():
            outcome = run_trial(
                job, json.loads(line)["changes"], lambda part, score: _asked(said, part, score)
            )
            _say(said, {"outcome": asdict(outcome)})
    except BrokenPipeError:  # whoever asked is gone
        os._exit(0)


def _asked(said: IO[bytes], part: int, score: float) -> bool:
    """Report a score and return the answer."""
    _say(said, {"part": part, "score": score})
    answer = sys.stdin.buffer.readline()
    if not answer:
        os._exit(0)  # whoever asked is gone
    return bool(json.loads(answer)["stop"])


def _say(said: IO[bytes], message: dict[str, Any]) -> None:
    said.write(json.dumps(message).encode() + b"\n")
    said.flush()


if __name__ == "__main__":
    main()
