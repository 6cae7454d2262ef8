"""Traces as tables and as xarray's Datasets."""

from __future__ import annotations

import sys

import pytest
import torch
from tests.nn.recurrent import LENGTHS, B, H, I, P, T

import gatewise as gw
from gatewise.errors import InputError

KEYS = ["module", "call", "layer", "direction", "step", "row", "unit"]


@pytest.fixture
def trace():
    torch.manual_seed(0)
    model = torch.nn.ModuleDict(
        {
            "gru": gw.GRU(I, H, bidirectional=True),
            "lstm": gw.LSTM(I, H, 2, proj_size=P, dtype=torch.float64),
        }
    )
    x = torch.randn(T, B, I)
    with torch.no_grad(), gw.trace(model, units=[3, 1], steps=range(0, T, 2)) as found:
        model["gru"](x, lengths=LENGTHS)
        model["gru"](x[:, 0])
        model["lstm"](x.double())
    return found


@pytest.mark.parametrize("backend", ["polars", "pandas", "pyarrow"])
def test_each_value_of_a_wide_table(trace, backend) -> None:
    table = trace.to_dataframe(backend=backend)
    assert type(table).__module__.split(".")[0] == backend
    rows = table.to_dict("records") if backend == "pandas" else rows_of(table)
    columns = [*KEYS, "reset", "update", "candidate", "hidden", "forget", "input", "output", "cell"]
    assert list(rows[0]) == columns
    kept = range(0, T, 2)
    inside = sum(t < length for length in LENGTHS for t in kept)
    lstm = 2 * len(kept) * B
    assert len(rows) == 2 * inside * 2 + 2 * len(kept) * 2 + lstm * 2 + lstm * P
    seen = set()
    for found in rows:
        name, call, layer, direction, step, row, unit = (found[key] for key in KEYS)
        gates = trace.calls(name)[call]
        at = (layer, ["forward", "reverse"].index(direction), step // 2)
        at = at if gates["hidden"].dim() == 4 else (*at, row)
        own = {q for q in columns[len(KEYS) :] if found[q] is not None and found[q] == found[q]}
        projected = name == "lstm" and own == {"hidden"}
        assert projected or own == set(gates) - ({"hidden"} if name == "lstm" else set())
        for q in own:
            place = unit if projected else (3, 1).index(unit)
            assert found[q] == gates[q][(*at, place)].item()
        seen.add((*(found[key] for key in KEYS), projected))
    assert len(seen) == len(rows)


def rows_of(table) -> list[dict]:
    return table.to_dicts() if hasattr(table, "to_dicts") else table.to_pylist()


def test_a_long_table_has_every_value_once(trace) -> None:
    table = trace.to_dataframe("lstm", form="long")
    assert table.columns == [*KEYS, "quantity", "value"]
    gates = trace["lstm"]
    assert len(table) == sum(value.numel() for value in gates.values())
    for row in table.iter_rows(named=True):
        units = range(P) if row["quantity"] == "hidden" else (3, 1)
        place = units.index(row["unit"])
        value = gates[row["quantity"]][row["layer"], 0, row["step"] // 2, row["row"], place]
        assert row["value"] == value.item()


def test_names_and_quantities_choose(trace) -> None:
    table = trace.to_dataframe(["gru"], quantities="update")
    assert table.columns == [*KEYS, "update"]
    assert table["module"].unique().to_list() == ["gru"]
    assert table["call"].unique().sort().to_list() == [0, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "tall"}, r"form='tall': use 'wide', 'long'"),
        ({"backend": "panda"}, r"backend='panda'.*Did you mean 'pandas'"),
        ({"names": "gro"}, r"no recurrent module 'gro'.*Did you mean 'gru'"),
        ({"quantities": "writes"}, r"no quantity 'writes' is recorded"),
        ({"names": "gru", "quantities": "forget"}, "no quantity 'forget' is recorded"),
        ({"names": []}, "names is empty; name at least one"),
        ({"quantities": ()}, "quantities is empty"),
        ({"names": "lstm", "max_rows": 71}, r"would have 72 rows, more than max_rows=71"),
        ({"names": "lstm", "form": "long", "max_rows": 215}, r"would have 216 rows"),
    ],
)
def test_what_a_table_cannot_be(trace, options, message) -> None:
    with pytest.raises(InputError, match=message):
        trace.to_dataframe(**options)


def test_nothing_recorded() -> None:
    refused = pytest.raises(InputError, match="nothing is recorded yet")
    with gw.trace(torch.nn.GRU(I, H)) as trace, refused:
        trace.to_dataframe()


def test_a_dataset(trace) -> None:
    pytest.importorskip("xarray")
    found = trace.to_xarray("gru", 0)
    gates = trace.calls("gru")[0]
    assert found["update"].dims == ("layer", "direction", "step", "row", "unit")
    assert found.attrs == {"module": "gru", "cell": "gru", "total_steps": T}
    assert found["length"].values.tolist() == gates.lengths.tolist()
    place = {"layer": 0, "direction": "reverse", "step": 2, "unit": 1}
    assert found["update"].sel(place).values[1] == gates.update[0, 1, 1, 1, 1].item()
    lstm = trace.to_xarray("lstm")
    assert lstm["hidden"].dims[-1] == "value"
    assert lstm["hidden"].sizes["value"] == P
    assert lstm["cell"].coords["unit"].values.tolist() == [3, 1]
    assert "row" not in trace.to_xarray("gru", 1)["update"].dims


def test_bfloat16_in_a_dataset_and_in_a_table() -> None:
    pytest.importorskip("xarray")
    gru = torch.nn.GRU(I, H)
    with gw.trace(gru, dtype=torch.bfloat16) as trace:
        gru(torch.randn(T, B, I))
    assert trace.to_xarray()["update"].dtype == "float32"
    wanted = trace[""].update.float().flatten().tolist()
    assert trace.to_dataframe(quantities="update")["update"].to_list() == wanted


def test_what_a_dataset_cannot_be(trace, monkeypatch) -> None:
    pytest.importorskip("xarray")
    with pytest.raises(InputError, match="name one module of 'gru', 'lstm'"):
        trace.to_xarray()
    with pytest.raises(InputError, match="'gru' has 2 calls; there is no call 2"):
        trace.to_xarray("gru", 2)


def test_a_dataset_without_xarray(trace, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(InputError, match=r"pip install -e '.\[xarray\]'"):
        trace.to_xarray("gru")
