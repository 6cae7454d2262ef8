"""`gatewise predict` of a language model: what comes next, a text that goes on, or what a text cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gatewise.cli.opening import check_new_file
from gatewise.cli.output import console, grid
from gatewise.cli.sequences.kinds import KINDS
from gatewise.cli.tasks import Task
from gatewise.errors import OptionError
from gatewise.wording import counted, number, percent

HEAD = 20
DEFAULTS: dict[str, Any] = {
    "count": 10,
    "prompt": "",
    "temperature": 1.0,
    "top_k": None,
    "top_p": None,
    "seed": 0,
}
"""Of the options of suggesting and of drawing."""


def predict(
    task: Task,
    *,
    run: str,
    data: str | None = None,
    suggest: str | None = None,
    count: int = 10,
    sample: int | None = None,
    prompt: str = "",
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    out: str | None = None,
    overwrite: bool = False,
    device: str = "cpu",
) -> None:
    """Do one of the three. Raises OptionError where none or several are asked for."""
    asked = [data is not None, suggest is not None, sample is not None]
    if sum(asked) != 1:
        raise OptionError(
            "name one of these: --suggest TEXT for the next tokens, --sample N to go on with a text, or "
            "DATA, a text whose tokens are scored"
        )
    drawing = {
        "prompt": prompt, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed,
    }  # fmt: skip
    if suggest is None:
        _refuse_unused({"count": count}, "--suggest TEXT")
    if sample is None:
        _refuse_unused(drawing, "--sample N")
    if out is not None and data is None:
        raise OptionError("--out is for the scores of a text: name DATA after the run")
    if out is not None:
        check_new_file(Path(out), overwrite, ending=KINDS[task.name].endings)
    model = task.estimator_class().load(run, device=device)
    if suggest is not None:
        _suggest(model, suggest, count)
    elif sample is not None:
        drawn = model.sample(sample, **drawing)
        console().print(f"{prompt}{drawn}")
    else:
        _score(model, data, out)


def _refuse_unused(given: dict[str, Any], of: str) -> None:
    """Raise OptionError for an option that was given, of what is not asked for."""
    for name, value in given.items():
        if value != DEFAULTS[name]:
            typed = f"--{name.replace('_', '-')}"
            raise OptionError(f"{typed} is for {of}, which is not asked for: leave it out")


def _suggest(model: object, text: str, count: int) -> None:
    found = model.suggest(text, count)  # type: ignore[attr-defined]
    made = grid()
    for name in ("next", "probability"):
        made.add_column(name, justify="right")
    for token, probability in found.items():
        made.add_row(repr(token)[1:-1] if token.strip() else repr(token), percent(probability))
    console().print(made)


def _score(model: object, data: str | None, out: str | None) -> None:
    from gatewise.data import write_frame  # noqa: PLC0415

    screen = console()
    found = model.score(model.given(data))  # type: ignore[attr-defined]
    frame = found.to_frame()
    if out is not None:
        write_frame(frame, out)
        screen.print(f"{out}: {len(frame):,} rows, columns {', '.join(frame.columns)}")
    else:
        made = grid()
        for name in frame.columns:
            made.add_column(name, justify="right")
        for row in frame.head(HEAD).iter_rows():
            made.add_row(*(number(cell) if isinstance(cell, float) else repr(cell) for cell in row))
        screen.print(made)
        screen.print(
            f"The first {min(HEAD, len(frame))} of {len(frame):,} rows; --out writes them all."
        )
    screen.print(
        f"{counted(len(found), found.unit)}: {number(found.bits_per_character)} bits per character, "
        f"perplexity {number(found.perplexity)}"
    )
    for note in found.notes:
        screen.print(note)
