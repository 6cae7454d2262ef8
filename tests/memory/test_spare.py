"""Units that can go at once: those that stand in for each other are counted once."""

from __future__ import annotations

import torch
from tests.memory.known import noise
from torch import nn

import gatewise as gw


class Votes(nn.Module):
    """Units that hold the same sign, others that hold nothing; the sign of their sum answers."""

    def __init__(self, voters: int, others: int) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, voters + others, batch_first=True)
        self.voters = voters
        with torch.no_grad():
            for own in self.rnn.parameters():
                own.zero_()
            self.rnn.weight_ih_l0[:voters] = 100.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0][:, -1, : self.voters].sum(dim=1, keepdim=True).sign()


def signs() -> torch.Tensor:
    """As many of each sign, so that means are 0."""
    x = noise(32, 6, 1, seed=0).abs() + 0.1
    return torch.cat([x, -x])


def test_stand_ins_are_idle_one_at_a_time_and_not_together() -> None:
    explanation = gw.explain(Votes(2, 3), signs())
    assert explanation.figures["idle_alone"] == 5
    assert explanation.figures["idle"] == 4  # one of the two voters has to stay
    said = explanation.finding("units").sentence  # type: ignore[union-attr]
    assert said.startswith("4 of 5 units idle: while all of them are held at the mean, under 1 %")
    assert "One at a time 5" in said
    assert "stand in for each other" in said


def test_a_lone_voter_counts_and_the_rest_is_idle() -> None:
    explanation = gw.explain(Votes(1, 3), signs())
    assert explanation.figures["idle"] == explanation.figures["idle_alone"] == 3
    assert explanation.figures["idle_share"] == 0.75
    spare = explanation.results["spare_units"]
    assert spare.lost == 0  # type: ignore[attr-defined]
    assert "model unit 0" not in spare.names  # type: ignore[attr-defined]


def test_every_voter_counts_where_none_is_spare() -> None:
    explanation = gw.explain(Votes(1, 0), signs())
    assert explanation.figures["idle"] == 0
    assert explanation.finding("units").sentence.startswith("0 of 1 units idle")  # type: ignore[union-attr]
