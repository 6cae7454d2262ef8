"""Times and series on the command line: what is read, what is printed, what is written."""

from __future__ import annotations

from tests.cli.tables import quick, table_text


def test_what_is_not_used_is_printed_and_rows_count_where_that_is_said(call, here):
    days = [str(2001 + row // 4) + f" Q{row % 4 + 1}" for row in range(150)]
    (here / "river.csv").write_text(table_text(ds=days, note=["dry"] * 150))
    words = ["fit", "river.csv", *quick(), "--out", "run"]
    told = call(*words)
    assert told.code == 0, told.err
    assert "one step is 1 quarter" in told.out
    assert "time        ds\n" in told.out
    assert "not used    note\n" in told.out
    rows = call(*words, "--time", "none", "--overwrite")
    assert rows.code == 0, rows.err
    assert "no time column: rows are counted" in rows.out
    assert "not used    ds, note\n" in rows.out
    assert (here / "run" / "predictions.csv").read_text().startswith("row,flow,")
