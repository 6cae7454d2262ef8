"""The time of an epoch on labelled sequences: gatewise, plain torch with a DataLoader, Keras 3.

    python -m benchmarks.sequences [--hidden 32 64 128] [--number N] [--rounds N] [--threads N] [--keras]

Every side trains the same network from the same weights on the same sequences in batches of the same
size, in one process, the sides in turn; times are medians over the rounds, the others' as multiples of
ours. "padded": plain torch, batches in any order, padded. "packed": the same with
pack_padded_sequence. "ours, packed": packed, in the very batches that gatewise takes. Keras runs on
torch, LSTMs alone, padded and masked, with --keras and a Python that has it beside gatewise. Padded and
read from both ends, a sequence's answer would depend on the padding: there is no such side. The loop's
share is of an epoch of gatewise what is left over the same steps on batches that are there already,
over four epochs.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch

from benchmarks.against_peers import machine, milliseconds
from benchmarks.against_peers.timing import Effort, Work, alternate, ratio
from benchmarks.sequences import sides
from benchmarks.sequences.problem import Case, Plain, draw, ours
from gatewise.training.inference import predict
from gatewise.training.sequences import SequenceBatches

WITHIN = 2e-5
"""Answers of the sides at the same weights differ by no more, or nothing is timed."""
EPOCHS = 4
"""Of the loop's share: what a training does once is spread over some, as in any training."""
COLUMNS = ("padded", "packed", "ours, packed", "Keras")


def main() -> int:
    """Print the table."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    print(machine(), file=sys.stderr)
    print(
        "| network | lengths | gatewise, ms | ",
        " | ".join(f"{name}, ×" for name in COLUMNS),
        end="",
    )
    print(" | loop's share |\n|", "---|" * (len(COLUMNS) + 4), sep="")
    for case in _cases(given.hidden):
        print(f"| {case.title()} | {_row(case, given)} |", flush=True)
    return 0


def _cases(hidden: list[int]) -> list[Case]:
    cases = [Case(size, vary) for vary in (False, True) for size in hidden]
    middle = hidden[len(hidden) // 2]
    cases += [Case(middle, vary, cell="gru") for vary in (False, True)]
    return [*cases, Case(middle, vary=True, bidirectional=True)]


def _row(case: Case, given: argparse.Namespace) -> str:
    """Return the cells of one case after its title."""
    sequences = draw(case, given.number)
    ours_ = sides.gatewise(ours(case), case, sequences)
    others = _others(case, sequences, keras=given.keras)
    effort = Effort(given.rounds, given.seconds)
    loops = {
        "loop": sides.gatewise(ours(case), case, sequences, EPOCHS),
        "bare": sides.bare(ours(case), case, sequences, EPOCHS),
    }
    # each pair by itself, since a slow side leaves time for few rounds
    shares = alternate(loops, effort)
    share = 1 - ratio(shares["bare"], shares["loop"])
    cells = [milliseconds([seconds / EPOCHS for seconds in shares["loop"]])]
    for name in COLUMNS:
        if name not in others:
            cells.append("–")
            continue
        times = alternate({"gatewise": ours_, name: others[name]}, effort)
        cells.append(f"{ratio(times[name], times['gatewise']):.1f}")
    return " | ".join([*cells, f"{share:.1%}"])


def _others(case: Case, sequences: SequenceBatches, *, keras: bool) -> dict[str, Work]:
    """Return the other sides, once their answers are seen to be ours."""
    expected = predict(ours(case), sequences)
    found: dict[str, Work] = {}
    for name, packed, by_length in (
        ("padded", False, False),
        ("packed", True, False),
        ("ours, packed", True, True),
    ):
        if not packed and case.bidirectional:
            continue
        _agree(name, predict(Plain(case, packed=packed), sequences), expected)
        found[name] = sides.plain(case, sequences, packed=packed, by_length=by_length)
    if keras and case.cell == "lstm":
        found["Keras"], answer = sides.keras(case, sequences)
        picks = np.arange(min(64, len(sequences)))
        x = sequences.gather(picks)[0].swapaxes(0, 1)
        _agree("Keras", np.asarray(answer(x)), expected[picks])
    return found


def _agree(name: str, theirs: sides.Answers, expected: sides.Answers) -> None:
    apart = float(np.abs(theirs - expected).max())
    if not apart < WITHIN:
        raise SystemExit(f"{name} answers otherwise, by {apart:.2g}: nothing is timed")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sequences", description=__doc__)
    parser.add_argument("--hidden", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--number", type=int, default=1024, help="of sequences")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each side, at least")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--keras", action="store_true", help="with Keras, which has to be there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
