"""A linear-chain conditional random field as training needs it: log-likelihoods and their gradients.

The model is written down in `gatewise.answers.chain`, which finds labels and their probabilities
without torch. Sizes: T steps, B sequences, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gatewise.answers.chain import FORBIDDEN, Chain

Parts = tuple[Tensor, Tensor, Tensor]
"""The scores of a chain: start [C], transitions [C, C] and end [C]."""

TREE_CLASSES = 4
"""Up to so many classes the steps are summed as a tree, whose work grows with their third power.

Measured forwards and backwards at T = 2000, B = 8 on one core: 2 classes 29 ms as a tree and 334 step by
step, 4 classes 41 and 167, 8 classes 203 and 230, 12 classes 997 and 171."""


class ChainScores(nn.Module):
    """The scores of a chain: of a first label, of one label after another, and of a last one.

    `forbidden` are pairs (from, to) of labels that may not follow each other. Begins at 0, where the
    chain knows nothing and labels are those of the steps alone.
    """

    allowed: Tensor

    def __init__(self, classes: int, forbidden: Sequence[tuple[int, int]] = ()) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(classes, device="cpu", dtype=torch.float32))
        self.between = nn.Parameter(
            torch.zeros(classes, classes, device="cpu", dtype=torch.float32)
        )
        self.end = nn.Parameter(torch.zeros(classes, device="cpu", dtype=torch.float32))
        allowed = torch.ones(classes, classes, device="cpu", dtype=torch.bool)
        for before, after in forbidden:
            allowed[before, after] = False
        self.register_buffer("allowed", allowed, persistent=False)

    @property
    def transitions(self) -> Tensor:
        """The scores of one label (row) before another (column), [C, C]."""
        return torch.where(self.allowed, self.between, FORBIDDEN)

    def parts(self) -> Parts:
        """Return start, transitions and end in float64, in which the sums are computed."""
        return self.start.double(), self.transitions.double(), self.end.double()

    def numbers(self) -> Chain:
        """Return the scores as arrays, for prediction."""
        parts = self.start, self.transitions, self.end
        return Chain(*(part.numpy(force=True).astype("float64") for part in parts))


def negative_log_likelihood(
    scores: Tensor, labels: Tensor, lengths: Tensor, parts: Parts
) -> Tensor:
    """Return -log p(labels) of each sequence, [B]; 0 of one without a known label.

    `scores` [T, B, C], `labels` [T, B] int64 with -1 where a label is not known: the likelihood is then
    that of all labels that may stand there together (Tsuboi et al. 2008). Padding past `lengths` [B] has
    no effect. Computed in float64, as it is a small difference of large sums.
    """
    scores = scores.double()
    everything = log_partition(scores, lengths, parts)
    inside = torch.arange(len(scores), device=scores.device)[:, None] < lengths
    if bool(((labels >= 0) | ~inside).all()):
        return everything - path_score(scores, labels, lengths, parts)
    classes = torch.arange(scores.shape[-1], device=scores.device)
    fits = (labels[..., None] == classes) | (labels[..., None] < 0)
    return everything - log_partition(torch.where(fits, scores, FORBIDDEN), lengths, parts)


def path_score(scores: Tensor, labels: Tensor, lengths: Tensor, parts: Parts) -> Tensor:
    """Return the score of given labels [T, B] of each sequence, [B]; past its end they are not read."""
    start, transitions, end = parts
    steps, rows = labels.shape
    if steps == 0:
        return scores.new_zeros(rows)
    inside = torch.arange(steps, device=scores.device)[:, None] < lengths
    known = labels.clamp(min=0)
    of_steps = scores.gather(2, known[..., None])[..., 0]
    between = transitions[known[:-1], known[1:]]
    last = known.gather(0, (lengths - 1).clamp(min=0)[None])[0]
    ends = torch.where(lengths > 0, start[known[0]] + end[last], 0.0)
    return ends + (of_steps * inside).sum(0) + (between * inside[1:]).sum(0)


def log_partition(scores: Tensor, lengths: Tensor, parts: Parts) -> Tensor:
    """Return log Z of each sequence, [B]: of all labels together; 0 of an empty sequence.

    Its gradient by `scores` is the probability of each label at each step.
    """
    start, transitions, end = parts
    if len(scores) == 0:
        return scores.new_zeros(scores.shape[1])
    first = start + scores[0]
    through = _by_tree if scores.shape[-1] <= TREE_CLASSES else _by_step
    last = through(first, scores[1:], lengths - 1, transitions)
    return torch.where(lengths > 0, torch.logsumexp(last + end, dim=1), 0.0)


def _by_step(first: Tensor, scores: Tensor, lengths: Tensor, transitions: Tensor) -> Tensor:
    """Return the log sums that end in each label, [B, C], one step after another (Rabiner 1989, eq. 20).

    `first` [B, C] are those of the first step; `scores` and `lengths` are of the steps after it.
    """
    sums = first
    for t, score in enumerate(scores):
        reached = torch.logsumexp(sums[:, :, None] + transitions, dim=1) + score
        sums = torch.where((t < lengths)[:, None], reached, sums)
    return sums


def _by_tree(first: Tensor, scores: Tensor, lengths: Tensor, transitions: Tensor) -> Tensor:
    """Return what `_by_step` does, from neighbouring steps taken together in log2(T) rounds.

    A block of steps is the matrix of log sums from the label before it to its last label, and two
    blocks make one by a matrix product of exponentials. A thousand steps are ten operations on large
    arrays and not a thousand on tiny ones.
    """
    if len(scores) == 0:
        return first
    blocks = transitions + scores[:, :, None]  # [T - 1, B, from, to]
    begins = torch.arange(len(blocks), device=scores.device)
    while len(blocks) > 1:
        odd = blocks[len(blocks) // 2 * 2 :]
        left, right = blocks[: len(blocks) - len(odd) : 2], blocks[1::2]
        both = torch.logsumexp(left[..., None] + right[..., None, :, :], dim=-2)
        # a block that begins past a sequence's end is padding: nothing is taken from it
        inside = begins[1::2][: len(both), None] < lengths
        both = torch.where(inside[..., None, None], both, left)
        blocks, begins = torch.cat([both, odd]), begins[::2]
    reached = torch.logsumexp(first[:, :, None] + blocks[0], dim=1)
    return torch.where((lengths > 0)[:, None], reached, first)
