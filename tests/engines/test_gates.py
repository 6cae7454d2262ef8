"""The record of gates: names, attributes, copies, errors."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from gatewise.engines import Gates


def gru_gates() -> Gates:
    return Gates(
        {name: torch.full((2,), float(i)) for i, name in enumerate(("reset", "update", "hidden"))},
        torch.tensor(2),
    )


def test_names_items_and_attributes() -> None:
    gates = gru_gates()
    assert list(gates) == ["reset", "update", "hidden"]
    assert len(gates) == 3
    assert "update" in gates
    for name in gates:
        assert getattr(gates, name) is gates[name]
        assert name in dir(gates)
    # a dict's own method would hide the GRU's gate
    assert isinstance(gates.update, torch.Tensor)


def test_unknown_names_say_what_there_is() -> None:
    gates = gru_gates()
    with pytest.raises(AttributeError, match=r"no gate 'updat'.*Did you mean 'update'\?"):
        _ = gates.updat
    with pytest.raises(KeyError, match="no gate 'forget'; there are reset, update, hidden"):
        gates["forget"]
    assert gates.get("forget") is None
    assert not hasattr(gates, "_anything")


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda g: pickle.loads(pickle.dumps(g))]
)
def test_copies(copied) -> None:
    gates = gru_gates()
    other = copied(gates)
    assert list(other) == list(gates)
    assert all(torch.equal(other[name], gates[name]) for name in gates)
    assert torch.equal(other.lengths, gates.lengths)


def test_detach_cuts_the_graph_and_keeps_the_values() -> None:
    leaf = torch.ones(2, requires_grad=True)
    gates = Gates({"hidden": leaf * 2}, torch.tensor(2))
    assert gates.hidden.requires_grad
    assert not gates.detach().hidden.requires_grad
    assert torch.equal(gates.detach().hidden, gates.hidden)


def test_repr_names_every_shape() -> None:
    assert repr(gru_gates()) == "Gates(reset: [2], update: [2], hidden: [2])"
