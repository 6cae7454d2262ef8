"""The command `datasets`: list, describe and export the bundled real data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gatewise.cli.as_typed import as_typed
from gatewise.cli.opening import check_new_file
from gatewise.cli.options import Config
from gatewise.cli.output import console
from gatewise.wording import joined


def datasets(
    name: Annotated[str | None, Parameter(help="A bundled set. [default: list them]")] = None,
    /,
    *,
    out: Annotated[
        str | None, Parameter(help="Export it: .csv, .parquet, .fa, .gff3, .txt.")
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace that file if it exists.", show_default=False)
    ] = False,
    config: Config = None,
) -> None:
    """List the bundled data sets, describe one, or export it to a file.

    Try:

      gatewise datasets
      gatewise datasets fulda
      gatewise datasets fulda --out fulda.csv
      gatewise datasets tobacco_plastid --out tobacco.fa
    """
    if name is None:
        _list(out)
    elif out is None:
        _describe(name)
    else:
        _export(name, out, overwrite)


def _list(out: str | None) -> None:
    from gatewise.data import datasets as bundled  # noqa: PLC0415
    from gatewise.errors import OptionError  # noqa: PLC0415

    if out is not None:
        raise OptionError(f"--out needs a set: gatewise datasets {bundled.names()[0]} --out {out}")
    screen = console()
    for each in bundled.names():
        found = bundled.describe(each)
        screen.print(each, style="bold")
        screen.print(f"  {found.title}")
        screen.print(f"  {as_typed(found.size)}")
    screen.print("Use one as DATA: dataset:fulda. Describe one: gatewise datasets fulda.")


def _describe(name: str) -> None:
    from gatewise.data import datasets as bundled  # noqa: PLC0415

    found = bundled.describe(name)
    screen = console()
    screen.print(found.title, style="bold")
    screen.print(as_typed(found.size))
    width = max((len(column) for column in found.columns), default=0)
    for column, unit in found.columns.items():
        screen.print(f"  {column:<{width}}  {unit}")
    for note in found.notes:
        screen.print(note)
    screen.print(f"Terms: {found.terms}")
    screen.print(f"Cite: {found.citation}")


def _export(name: str, out: str, overwrite: bool) -> None:
    from gatewise.data import datasets as bundled  # noqa: PLC0415
    from gatewise.data import read_frame, write_frame  # noqa: PLC0415
    from gatewise.data.catalog import DATASET, bundled_paths  # noqa: PLC0415
    from gatewise.data.files import WRITABLE  # noqa: PLC0415
    from gatewise.data.tables.raw import read_bytes  # noqa: PLC0415
    from gatewise.errors import OptionError  # noqa: PLC0415
    from gatewise.files import atomic_write_bytes  # noqa: PLC0415

    found = bundled.describe(name)
    if found.members:
        each = joined([member for member, _ in found.members])
        raise OptionError(f"dataset:{name} is made of {each}: write each of them by its own name")
    files = {Path(path.stem).suffix: path for path in bundled_paths(name)}
    endings = WRITABLE if ".csv" in files else tuple(files)
    check_new_file(Path(out), overwrite, ending=endings)
    if ".csv" in files:
        frame = read_frame(f"{DATASET}{name}")
        write_frame({column: frame[column].to_numpy() for column in frame.columns}, out)
    else:
        path = files[next(ending for ending in endings if out.lower().endswith(ending))]
        atomic_write_bytes(out, read_bytes(path))
    console().print(f"{out}: {found.size}. Terms: {found.terms}")
