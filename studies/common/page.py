"""The page and the picture of a study's result, by gatewise's own page and painter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from gatewise import report
from studies.common.checks import CORRECTED, FAILS, HOLDS, Check
from studies.common.running import Result, form

TONES: Mapping[str, Literal["good", "plain", "warn"]] = {
    HOLDS: "good",
    CORRECTED: "good",
    FAILS: "warn",
}


def contents(result: Result, command: str) -> report.Contents:
    """Return the page: the claim with its verdict, the checks, the curves, what to try next."""
    study = result.study
    findings = [
        report.Finding(
            f"{study.title}: {result.verdict}.",
            evidence=f"Predicted beforehand: {study.prediction}",
            caveat=study.correction,
            tone=TONES.get(result.verdict, "plain"),
        ),
        report.Finding(study.claim, evidence=f"Source: {study.source}"),
        *(
            report.Finding(f"Try next: {question.text}", evidence=question.answer)
            for question in study.questions
        ),
    ]
    about: dict[str, Any] = {
        "command": command,
        "form": form(full=result.full),
        **{name: str(value) for name, value in study.settings(full=result.full).items()},
    }
    return report.Contents(
        title=study.title,
        subtitle=f"A study of {len(result.figures)} seeds",
        findings=tuple(findings),
        curves=tuple(study.curves(result.figures, study.settings(full=result.full))),
        scores=table(result.checks),
        provenance={"How this was made": about},
    )


def table(checks: tuple[Check, ...]) -> report.Table:
    """Return the checks as the page's table of scores."""
    rows = tuple(
        report.Row(
            report.Cell(check.name),
            (
                report.Cell(check.bounds),
                report.Cell(
                    check.measured,
                    mark="" if check.outcome == "met" else check.outcome,
                    doubtful=True,
                ),
            ),
        )
        for check in checks
    )
    columns = (report.Cell("predicted"), report.Cell("measured, 95 % interval"))
    return report.Table("Prediction and measurement", "", columns, (report.RowGroup("", rows),))


def write(result: Result, folder: Path, command: str) -> None:
    """Write the page of a result into its folder."""
    report.write_page(contents(result, command), folder / "report.html")
