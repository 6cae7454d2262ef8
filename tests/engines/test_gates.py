"""The record of gates: names, attributes, copies, errors."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

import gatewise as gw
from gatewise.engines import Gates


def gru_gates() -> Gates:
    return Gates(
        {name: torch.full((2,), float(i)) for i, name in enumerate(("reset", "update", "hidden"))},
        torch.tensor(2),
        "gru",
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
    assert other.kind == "gru"


def test_detach_cuts_the_graph_and_keeps_the_values() -> None:
    leaf = torch.ones(2, requires_grad=True)
    gates = Gates({"hidden": leaf * 2}, torch.tensor(2))
    assert gates.hidden.requires_grad
    assert not gates.detach().hidden.requires_grad
    assert torch.equal(gates.detach().hidden, gates.hidden)


def test_every_record_knows_its_cell() -> None:
    gates = gru_gates()
    assert {own.kind for own in (gates, gates.detach(), gates.cpu(), gates.to(torch.float64))} == {
        "gru"
    }
    x = torch.randn(4, 2, 3)
    for module, kind in ((gw.LSTM(3, 5), "lstm"), (gw.RNN(3, 5, nonlinearity="relu"), "rnn_relu")):
        assert module(x, return_gates=True)[-1].kind == kind
        assert module(pack_sequence([x[:, 0]]), return_gates=True)[-1].kind == kind
    for engine in ("native", "reference", "torch"):
        assert gw.GRUCell(3, 5, engine=engine)(x[0], return_gates=True)[-1].kind == "gru"
    for model in (torch.nn.LSTM(3, 5), torch.nn.LSTMCell(3, 5)):
        with gw.trace(model) as trace:
            model(x if isinstance(model, torch.nn.LSTM) else x[0])
        assert trace[""].kind == "lstm"
        assert isinstance(trace[""].cell, torch.Tensor)  # the cell *state*


def test_repr_names_every_shape() -> None:
    assert repr(gru_gates()) == "Gates(reset: [2], update: [2], hidden: [2])"
