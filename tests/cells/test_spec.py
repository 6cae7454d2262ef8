"""Gate order is data: the declared packing, and what a declaration may say."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells import CELLS, CellSpec
from gatewise.errors import OptionError


def step(wx, rh, state, parameters):
    raise NotImplementedError


def test_packing_is_that_of_torch() -> None:
    """torch documents W_ih as (W_ii|W_if|W_ig|W_io) and (W_ir|W_iz|W_in)."""
    assert CELLS["lstm"].packing == ("input", "forget", "candidate", "output")
    assert CELLS["gru"].packing == ("reset", "update", "candidate")
    assert CELLS["rnn_tanh"].packing == CELLS["rnn_relu"].packing == ("hidden",)


def test_recorded_names_and_their_order() -> None:
    assert CELLS["lstm"].recorded == (
        "forget",
        "input",
        "candidate",
        "output",
        "cell",
        "hidden",
    )
    assert CELLS["gru"].recorded == ("reset", "update", "candidate", "hidden")
    assert CELLS["rnn_tanh"].recorded == ("hidden",)


@pytest.mark.parametrize("name", CELLS)
def test_registry_key_is_the_name(name: str) -> None:
    assert CELLS[name].name == name


@pytest.mark.parametrize("name", CELLS)
def test_slices_tile_the_stacked_rows_and_agree_with_split(name: str) -> None:
    spec, hidden_size = CELLS[name], 3
    stacked = torch.arange(2.0 * len(spec.packing) * hidden_size).reshape(2, -1)
    blocks = spec.split(stacked)
    assert tuple(blocks) == spec.packing
    covered = []
    for block in spec.packing:
        rows = spec.slice(block, hidden_size)
        assert torch.equal(blocks[block], stacked[:, rows])
        covered.extend(range(rows.start, rows.stop))
    assert covered == list(range(stacked.shape[1]))


def test_unknown_block_names_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"no block 'forgit'.*Did you mean 'forget'\?"):
        CELLS["lstm"].slice("forgit", 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"packing": ()}, "packing must not be empty"),
        ({"states": ("cell",)}, "states must begin with 'hidden'"),
        ({"recorded": ("items",)}, "'items' cannot name a gate"),
        ({"recorded": ("_z",)}, "'_z' cannot name a gate"),
        ({"packing": ("two words",)}, "'two words' cannot name a gate"),
        ({"keep_gate": "z"}, "gate 'z' is no block"),
        ({"write_gate": "i"}, "gate 'i' is no block"),
    ],
)
def test_declarations_that_cannot_work_are_refused(changes, message) -> None:
    options = {
        "name": "mine",
        "packing": ("hidden",),
        "states": ("hidden",),
        "recorded": ("hidden",),
        "step": step,
    }
    with pytest.raises(OptionError, match=message):
        CellSpec(**(options | changes))
