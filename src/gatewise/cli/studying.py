"""The command `study`: what may be typed; `studies` of the checkout does the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.progress import Progress

from gatewise.cli.checkout import from_checkout
from gatewise.cli.options import Config, Whole
from gatewise.cli.output import console
from gatewise.cli.training import Interrupted
from gatewise.errors import OptionError
from gatewise.wording import counted

if TYPE_CHECKING:
    from types import ModuleType

    from rich.console import Console

FOLDER = "runs/studies"


def study(
    name: Annotated[
        str | None, Parameter(help="Study, all, or gallery. [default: list them]")
    ] = None,
    /,
    *,
    quick: Annotated[bool, Parameter(help="Few seeds and short runs (the default).")] = False,
    full: Annotated[
        bool, Parameter(help="What the docs report; goes on where it stopped.")
    ] = False,
    seeds: Annotated[Whole | None, Parameter(help="Seeds. [default: the form's own]")] = None,
    out: Annotated[
        str | None, Parameter(help=f"Folder of the run. [default: {FOLDER}/NAME-FORM]")
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace another run of a study in it.", show_default=False)
    ] = False,
    config: Config = None,
) -> None:
    """Measure a claim of the textbook: prediction, measurement, verdict, and a page with the figures.

    Without a name the studies are listed with the verdicts of their last full runs; gallery makes a page
    of each of them, and an index.

    Try:

      gatewise study
      gatewise study telephone
      gatewise study all --full
      gatewise study gallery
    """
    work = from_checkout("studies", "entry", command="study", extra="studies")
    screen = console()
    if name is None:
        listed = work.listed()
        names, titles = (
            max(map(len, column))
            for column in zip(*((one.name, one.title) for one in listed), strict=True)
        )
        for one in listed:
            screen.print(f"{one.name:<{names}}  {one.title:<{titles}}  {one.verdict}")
        return
    if quick and full:
        raise OptionError("--quick and --full: a run is one of them")
    root = Path(FOLDER if out is None else out)
    if work.is_gallery(name):
        _gallery(screen, work, root if out else root / name, quick or full or overwrite, seeds)
        return
    names = work.chosen(name)
    work.check_seeds(seeds)
    if full:
        screen.print(
            f"The full form of {counted(len(names), 'study', 'studies')} takes about "
            f"{work.minutes(names):.0f} minutes on two cores; Ctrl-C loses no seed that is finished."
        )
    form = "full" if full else "quick"
    results = []
    for one in names:
        folder = root / f"{one}-{form}" if out is None or len(names) > 1 else root
        results.append(_run(screen, work, one, folder, full=full, seeds=seeds, overwrite=overwrite))
    if len(names) > 1:
        for line in work.together(results, root, full=full):
            screen.print(line)


def _gallery(
    screen: Console, work: ModuleType, folder: Path, formed: bool, seeds: int | None
) -> None:
    """Write the gallery of the full runs that were kept: it runs nothing, so no form may be named."""
    if formed or seeds is not None:
        raise OptionError("gallery runs nothing: it takes --out alone")
    for line in work.gallery(folder):
        screen.print(line)


def _run(
    screen: Console,
    work: ModuleType,
    name: str,
    folder: Path,
    *,
    full: bool,
    seeds: int | None,
    overwrite: bool,
) -> Any:
    """Run one study behind a bar, print what it found, and return it."""
    from rich.console import Console as Screen  # noqa: PLC0415

    with Progress(console=Screen(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)

        def shown(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of, description=f"{name}, seed {done} of {of}")

        try:
            result = work.study(
                name, folder, full=full, seeds=seeds, overwrite=overwrite, shown=shown
            )
        except KeyboardInterrupt:
            raise Interrupted(
                f"the same command goes on where it stopped: {folder} keeps the seeds that are finished"
            ) from None
    for line in work.lines(result):
        screen.print(line)
    screen.print(f"Page  {folder / 'report.html'}")
    screen.print()
    return result
