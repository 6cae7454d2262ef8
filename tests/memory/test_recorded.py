"""Records as the functions read them: roles, directions, padding, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.memory.loops import Record, record

import gatewise as gw
from gatewise.cells import CELLS, CellSpec
from gatewise.engines import Gates
from gatewise.errors import InputError
from gatewise.memory.records._recorded import initial_of, recorded
from gatewise.memory.records._roles import as_array, roles_of, spec_of_record

ROLES = ("keep", "write", "state", "read")


def only(gates: Any, *roles: str, **options: Any) -> Any:
    (part,) = recorded(gates, roles, **options)
    return part


def test_what_each_gate_of_each_cell_does() -> None:
    lstm, _ = record("lstm", [5, 3])
    part = only(lstm, *ROLES)
    here = {name: values[0, 0] for name, values in lstm.items()}
    assert np.array_equal(part["keep"], here["forget"], equal_nan=True)
    assert np.array_equal(part["write"], here["input"] * here["candidate"], equal_nan=True)
    assert np.array_equal(part["state"], here["cell"], equal_nan=True)
    assert np.allclose(part["read"], here["hidden"], rtol=1e-15, equal_nan=True)
    gru, _ = record("gru", [5, 3])
    part = only(gru, *ROLES)
    here = {name: values[0, 0] for name, values in gru.items()}
    assert np.array_equal(part["keep"], here["update"], equal_nan=True)
    assert np.array_equal(part["write"], (1 - here["update"]) * here["candidate"], equal_nan=True)
    assert np.array_equal(part["state"], here["hidden"], equal_nan=True)
    assert np.array_equal(part["read"], here["hidden"], equal_nan=True)


def test_a_cell_that_names_its_write_gate_only(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = CellSpec(
        name="made_up",
        packing=("shut", "candidate"),
        states=("hidden",),
        recorded=("shut", "candidate", "hidden"),
        step=CELLS["gru"].step,
        write_gate="shut",
    )
    monkeypatch.setitem(CELLS, "made_up", spec)
    rng = np.random.default_rng(0)
    gates = Record({name: rng.uniform(size=(4, 2, 3)) for name in spec.recorded}, "made_up")
    part = only(gates, "keep", "write")
    assert np.array_equal(part["keep"], 1 - gates["shut"])
    assert np.array_equal(part["write"], gates["shut"] * gates["candidate"])


def test_the_reverse_direction_comes_in_the_order_of_its_steps() -> None:
    gates, _ = record("lstm", [2, 0, 5, 3], layers=2, directions=2)
    for part in recorded(gates, ["state"]):
        state = gates["cell"][part.place]
        assert part.backwards == (part.place[1] == 1)
        assert part.lengths.tolist() == [2, 0, 5, 3]
        for row, length in enumerate(part.lengths):
            own = state[:length, row]
            assert np.array_equal(part["state"][:length, row], own[::-1] if part.backwards else own)
            assert np.isnan(part["state"][length:, row]).all()
        assert np.array_equal(part.in_time(part["state"]), state, equal_nan=True)
        assert part.valid.sum() == 10


def test_five_axes_are_layers_and_directions_and_others_run_forwards() -> None:
    keep = np.random.default_rng(0).uniform(size=(2, 2, 4, 3, 2))
    backwards = [part.backwards for part in recorded(None, ["keep"], given={"keep": keep})]
    assert backwards == [False, True, False, True]
    parts = recorded(None, ["keep"], given={"keep": keep[0]})
    assert [part.backwards for part in parts] == [False, False]


def test_the_record_of_a_module_batched_and_unbatched() -> None:
    module = gw.LSTM(2, 3, num_layers=2, bidirectional=True, engine="reference")
    x = torch.randn(5, 4, 2, generator=torch.Generator().manual_seed(0))
    _, _, gates = module(x, return_gates=True)
    found = recorded(gates, ROLES)
    assert (found.cell, found.lead, found.steps, found.rows, found.units) == (
        "lstm",
        (2, 2),
        5,
        4,
        3,
    )
    _, _, single = module(x[:, 0], return_gates=True)
    assert isinstance(single, Gates)
    alone = recorded(single, ROLES)
    assert (alone.lead, alone.steps, alone.rows, alone.units) == ((2, 2), 5, 1, 3)
    for one, many in zip(alone, found, strict=True):
        assert np.allclose(one["state"][:, 0], many["state"][:, 0], rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_tensors_of_any_type(dtype: torch.dtype) -> None:
    tensor = torch.full((2, 1, 1), 0.5, dtype=dtype, requires_grad=True)
    array = as_array(tensor, "keep")
    assert array.dtype.kind == "f"
    assert (array == 0.5).all()
    assert only(None, "keep", given={"keep": tensor})["keep"].dtype == np.float64


def test_given_arrays_stand_before_the_record() -> None:
    gates, _ = record("lstm", [4])
    keep = np.full(gates["forget"].shape, 0.25)
    assert (only(gates, "keep", given={"keep": keep})["keep"] == 0.25).all()


def test_part_of_a_record_is_enough() -> None:
    gates, _ = record("gru", [4])
    part = {"kind": "gru", "update": gates["update"]}
    assert spec_of_record(part).name == "gru"
    assert roles_of(part, ROLES, {}) == ("keep",)
    with pytest.raises(
        InputError, match=r"no 'candidate'; it has update. Record it, or give write="
    ):
        recorded(part, ["write"])


def test_a_record_says_its_cell_and_its_names_are_not_asked() -> None:
    gates, _ = record("gru", [4])
    part = {name: gates[name] for name in ("candidate", "hidden")}
    with pytest.raises(InputError, match="with candidate, hidden does not say of which cell it is"):
        spec_of_record(part)
    assert spec_of_record(part | {"kind": "gru"}).name == "gru"
    assert spec_of_record(part | {"kind": "lstm"}).name == "lstm"


def test_another_cell_with_the_same_names_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    module = gw.LSTM(3, 5)
    with torch.no_grad(), gw.trace(module, quantities="forget") as trace:
        module(torch.randn(20, 4, 3))
    before = gw.memory.gate_timescale(trace[""])
    mgu = CellSpec(
        name="made_up",
        packing=("forget", "candidate"),
        states=("hidden",),
        recorded=("forget", "candidate", "hidden"),
        step=CELLS["gru"].step,
        write_gate="forget",
    )
    monkeypatch.setitem(CELLS, "made_up", mgu)
    assert tuple(trace[""]) == ("forget",)
    after = gw.memory.gate_timescale(trace[""])
    assert np.array_equal(after.steps, before.steps)
    assert after.settings["cell"] == "lstm"
    same = Record(dict(trace[""]), "made_up")  # in which the same name is what overwrites
    assert not np.allclose(gw.memory.gate_timescale(same).steps, before.steps)


def test_initial_states() -> None:
    gates, initial = record("lstm", [3, 2], layers=2, directions=2)
    found = recorded(gates, ["keep"])
    assert not initial_of(None, found).any()
    as_torch = torch.from_numpy(initial.reshape(4, 2, 3))
    assert np.array_equal(initial_of(as_torch, found), initial)
    with pytest.raises(
        InputError, match=r"initial has shape \[2, 3\]; the record needs \[2, 2, 2, 3\]"
    ):
        initial_of(initial[0, 0], found)


ok = np.full((4, 2, 3), 0.5)
hole, ragged = ok.copy(), ok.copy()
hole[1, 1] = np.nan
ragged[3, 0, 1] = np.nan
longer = ok.copy()
longer[3, 0] = np.nan


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "keep is missing: give a record of gates first, or keep= as an array"),
        ({"keep": ok[0]}, r"keep has shape \[2, 3\]; it needs at least three axes"),
        ({"keep": ok, "write": ok[:2]}, r"write has shape \[2, 2, 3\] and keep \[4, 2, 3\]"),
        ({"keep": ok[..., :0], "write": ok[..., :0]}, "there is no unit in it"),
        ({"keep": np.full((1, 3, 4, 2, 2), 0.5)}, "3 directions are too many"),
        ({"keep": hole}, "keep is NaN at step 1 of row 1, before that row ends"),
        ({"keep": ragged}, "keep is NaN at step 3 of row 0, before that row ends"),
        ({"keep": ok, "write": longer}, r"write and keep end \(in NaN\) at different steps"),
        ({"keep": ok + 1}, r"keep must lie between 0 and 1 .*; got 1\.5 at \(0, 0, 0\)"),
        ({"keep": ok.astype(complex)}, "keep must hold real numbers; got complex128"),
        ({"keep": [[1, 2], [3]]}, "keep cannot be read as an array"),
        ({"keep": np.array(["a"])}, "keep must hold real numbers"),
    ],
)
def test_bad_arrays(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        recorded(None, ["keep", *(["write"] if "write" in given else [])], given=given)


def test_bad_records() -> None:
    gates, _ = record("rnn", [3])
    with pytest.raises(InputError, match=r"the cell 'rnn_tanh' has no gate: .* gw.memory.horizon"):
        recorded(gates, ["keep"])
    with pytest.raises(InputError, match="with gate does not say of which cell it is"):
        recorded({"gate": ok}, ["keep"])
    with pytest.raises(InputError, match="with no arrays does not say of which cell it is"):
        recorded({}, ["keep"])
    with pytest.raises(
        InputError, match=r"gates must be a record .* got ndarray. Give arrays by key"
    ):
        recorded(ok, ["keep"])  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"got 'ltsm'. Did you mean 'lstm'"):
        recorded({**gates, "kind": "ltsm"}, ["keep"])
    with pytest.raises(InputError, match="give a record of gates first, or one of keep="):
        roles_of(None, ("keep",), {})
    with pytest.raises(InputError, match=r"forget must lie between 0 and 1"):
        recorded({"kind": "lstm", "forget": ok - 1}, ["keep"])
