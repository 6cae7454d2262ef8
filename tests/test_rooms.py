"""Rooms: who may import a private module, and how few imports cross between the folders of memory."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import gatewise

SOURCE = Path(gatewise.__file__).parent
MODULES = {
    ".".join(("gatewise", *path.relative_to(SOURCE).with_suffix("").parts)): path
    for path in SOURCE.rglob("*.py")
}


def imports(name: str) -> Iterator[str]:
    """Yield the modules of gatewise that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def test_a_private_module_is_imported_in_its_own_room_alone() -> None:
    crossing = [
        (name, target)
        for name in MODULES
        for target in imports(name)
        if target in MODULES
        if target.rpartition(".")[2].startswith("_") and not target.endswith("__")
        if not name.startswith(target.rpartition(".")[0] + ".")
    ]
    assert crossing == []


def test_few_imports_cross_between_the_folders_of_memory() -> None:
    """A measure needs its base alone, so that there are no more pairs of modules than measures."""
    room = "gatewise.memory."
    pairs = {
        (name, target)
        for name in MODULES
        for target in imports(name)
        if name.startswith(room) and target.startswith(room) and not name.endswith("__init__")
        if name.rpartition(".")[0] != target.rpartition(".")[0]
    }
    to_the_base = {pair for pair in pairs if pair[1] == f"{room}_base"}
    assert len(to_the_base) >= 20
    assert len(pairs - to_the_base) <= 1, sorted(pairs - to_the_base)


def test_no_import_runs_in_a_circle() -> None:
    """Not even one for types alone: who must know the other's types to be read is not below it."""
    graph = {name: set(imports(name)) & set(MODULES) - {name} for name in MODULES}
    assert len(tuple(TopologicalSorter(graph).static_order())) == len(MODULES)


def functions() -> Iterator[tuple[str, int]]:
    """Yield every function as `module.name`, with the lines of its code without its docstring."""
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno
                lines = node.end_lineno - node.lineno + 1
                if ast.get_docstring(node):
                    lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
                yield f"{module}.{node.name}", lines


def test_files_and_functions_are_short_enough_to_read_at_once() -> None:
    files = {
        name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()
    }
    assert {name: count for name, count in files.items() if count > 400} == {}
    assert {name: count for name, count in functions() if count > 60} == {}
