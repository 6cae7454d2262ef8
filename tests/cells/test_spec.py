"""Gate order is data: the declared packing, and what a declaration may say."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from gatewise.cells import CELLS, CellSpec, ExtraParameter
from gatewise.errors import OptionError


def step(wx, rh, state, parameters):
    raise NotImplementedError


GAIN = ExtraParameter("gain", ("H",), 1.0)


def test_descriptions_of_cells_need_no_torch() -> None:
    code = "import sys, gatewise.cells; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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


def test_what_follows_from_the_rest_may_be_left_out() -> None:
    assert CELLS["lstm"].carrier == "cell"
    assert CELLS["gru"].carrier == CELLS["rnn_tanh"].carrier == "hidden"
    assert set(CELLS["lstm"].fractions) == {"input", "forget", "output"}
    assert CELLS["gru"].fractions == ("reset", "update")
    assert CELLS["rnn_relu"].fractions == ()


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
        ({"name": "My cell"}, "'My cell': the name must be an identifier in lower case"),
        ({"packing": ()}, "packing must not be empty"),
        ({"states": ("cell",)}, "states must begin with 'hidden'"),
        ({"states": ("hidden", "slow")}, "state 'slow' is none of recorded"),
        ({"recorded": ("items",)}, "'items' cannot name a gate"),
        ({"recorded": ("_z",)}, "'_z' cannot name a gate"),
        ({"packing": ("two words",)}, "'two words' cannot name a gate"),
        ({"keep_gate": "z"}, "gate 'z' is none of recorded"),
        ({"write_gate": "i"}, "gate 'i' is none of recorded"),
        ({"carrier": "cell"}, "carrier 'cell' is none of states"),
        ({"fractions": ("z",)}, "'z' of fractions is none of recorded"),
        ({"extra": (GAIN, GAIN)}, "two extra parameters have one name"),
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


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("weight_ch", ("H",), "'weight_ch': use an identifier that does not begin with"),
        ("two words", ("H",), "'two words': use an identifier"),
        ("gain", ("G",), "'gain': sizes are numbers or 'I', 'H', 'P', 'G\\*H'; got 'G'"),
    ],
)
def test_extra_parameters_that_cannot_be_are_refused(name, shape, message) -> None:
    with pytest.raises(OptionError, match=message):
        ExtraParameter(name, shape)


def test_sizes_of_an_extra_parameter() -> None:
    sizes = {"inputs": 3, "hidden": 5, "outputs": 2, "blocks": 4}
    assert ExtraParameter("a", ("G*H", "I")).sizes(**sizes) == (20, 3)
    assert ExtraParameter("b", ("P", 7)).sizes(**sizes) == (2, 7)
    assert ExtraParameter("c", ()).sizes(**sizes) == ()
