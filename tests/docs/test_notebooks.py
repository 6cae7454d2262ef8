"""Every notebook runs from top to bottom, and the stored one, with its outputs, is of that source."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from nbformat import v4

DOCS = Path(__file__).parents[2] / "docs"
TOOL = runpy.run_path(str(DOCS / "notebooks.py"))
SOURCES = TOOL["sources"]()
MOST_BYTES = 2_000_000
"""Of all notebooks together: a clone takes them along."""

every_notebook = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)


@pytest.fixture(autouse=True)
def _pictures_without_a_screen() -> Iterator[None]:
    with mpl.rc_context({"backend": "agg"}):
        yield
        pyplot.close("all")


def show(value: Any) -> None:
    """Make of a cell's last value what Jupyter would show of it."""
    if isinstance(value, Figure):
        value.savefig(BytesIO())
    for name in ("_repr_html_", "__repr__"):
        getattr(value, name, lambda: None)()


def run_cell(text: str, names: dict[str, Any]) -> None:
    """Run a cell as Jupyter does: what its last line is worth is shown, and its figures are closed."""
    tree = ast.parse(text)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if isinstance(last, ast.Expr):
        show(eval(compile(ast.Expression(last.value), "cell", "eval"), names))
    pyplot.close("all")


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")  # plt.show(), here
@every_notebook
def test_a_notebook_runs_in_its_reduced_form(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in TOOL["read"](source).cells:
        if cell.cell_type != "code":
            continue
        run_cell(cell.source, names)
        for name, value in cell.metadata.get("reduced", {}).items():
            assert type(names[name]) is type(value), f"the cell sets no such {name}"
            names[name] = value


@every_notebook
def test_the_stored_notebook_is_of_its_source(source: Path) -> None:
    notebook = nbformat.read(TOOL["stored"](source), as_version=4)
    nbformat.validate(notebook)
    again = f"run python docs/notebooks.py {source.stem}"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    assert notebook == TOOL["read"](source), again


@every_notebook
def test_the_stored_notebook_was_run_in_order_without_warnings(source: Path) -> None:
    assert list(TOOL["faults"](nbformat.read(TOOL["stored"](source), as_version=4))) == []


def test_the_index_has_every_notebook() -> None:
    assert SOURCES
    linked = re.findall(r"\((\w+\.ipynb)\)", (DOCS / "notebooks" / "README.md").read_text("utf-8"))
    assert sorted(linked) == [TOOL["stored"](source).name for source in SOURCES]
    held = sorted((DOCS / "notebooks").glob("*.ipynb"))
    assert held == [TOOL["stored"](source) for source in SOURCES]
    assert sum(path.stat().st_size for path in held) < MOST_BYTES


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (v4.new_output("stream", name="stderr", text="UserWarning: mind this"), "mind this"),
        (v4.new_output("error", ename="ValueError", evalue="no"), "no"),
        (v4.new_output("execute_result", data={"text/plain": "<object at 0x7f2a30>"}), "0x7f2a30"),
        (v4.new_output("display_data", data={"text/html": "<b>/home/me/data.csv</b>"}), "/home/"),
        (None, "not run in its turn"),
    ],
)
def test_what_warns_fails_or_names_a_place_is_found(output: Any, said: str) -> None:
    shown = [v4.new_output("stream", text="see docs/notebooks/x.py, 3/4"), output]
    cells = [
        v4.new_code_cell("1", outputs=shown[:1], execution_count=1),
        v4.new_code_cell(
            "2", outputs=shown[1:] if output else [], execution_count=2 + (not output)
        ),
    ]
    (fault,) = TOOL["faults"](v4.new_notebook(cells=cells))
    assert "code cell 2" in fault
    assert said in fault


def test_a_run_stores_what_the_cells_show(tmp_path: Path) -> None:
    source = tmp_path / "small.py"
    source.write_text('# %% [markdown]\n# # Title\n# %% reduced={"n": 1}\nn = 20\n# %%\nn + 1\n')
    TOOL["run"](source)
    notebook = nbformat.read(TOOL["stored"](source), as_version=4)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code"]
    assert notebook.cells[1].metadata == {"reduced": {"n": 1}}
    assert notebook.cells[2].outputs[0].data["text/plain"] == "21"
    assert list(TOOL["faults"](notebook)) == []


def test_prose_alone_is_stored_beside_the_outputs_of_the_same_code(tmp_path: Path) -> None:
    source = tmp_path / "told.py"
    source.write_text("# %% [markdown]\n# Before\n# %%\n20 + 1\n")
    notebook = TOOL["read"](source)
    notebook.cells[1].update(
        outputs=[v4.new_output("stream", text="21")], execution_count=1, metadata={}
    )
    nbformat.write(notebook, TOOL["stored"](source))
    source.write_text("# %% [markdown]\n# After\n# %% reduced={}\n20 + 1\n")
    TOOL["rewrite"](source)
    again = nbformat.read(TOOL["stored"](source), as_version=4)
    assert again.cells[0].source == "After"
    assert again.cells[1].metadata == {"reduced": {}}
    assert again.cells[1].outputs == notebook.cells[1].outputs
    held = TOOL["stored"](source).read_bytes()
    source.write_text("# %%\n20 + 2\n")
    with pytest.raises(SystemExit, match="other code"):
        TOOL["rewrite"](source)
    assert TOOL["stored"](source).read_bytes() == held


def test_a_run_that_warns_stores_nothing(tmp_path: Path) -> None:
    source = tmp_path / "bad.py"
    source.write_text("# %%\nimport warnings\nwarnings.warn('mind this', stacklevel=1)\n")
    with pytest.raises(SystemExit, match="mind this"):
        TOOL["run"](source)
    assert not TOOL["stored"](source).exists()
