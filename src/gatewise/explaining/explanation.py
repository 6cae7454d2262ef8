"""`Explanation`: the findings, the results behind them, and the page made of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gatewise import notebook
from gatewise.explaining.curves import memory_curves
from gatewise.explaining.finding import Finding
from gatewise.explaining.page import with_columns
from gatewise.explaining.panel import input_panel
from gatewise.memory import Result
from gatewise.memory.result import plain
from gatewise.report import Contents, Curve, Unit, write_page
from gatewise.report.contents import HasPage

SAID = {
    "rows": "rows looked at",
    "rows_of": "rows in all",
    "steps": "steps looked at",
    "steps_of": "steps of a row",
    "by": "asked apart by",
    "by_left_out": "groups left out",
    "seconds_estimated": "seconds, estimated",
    "budget": "budget in seconds",
    "before_the_end": "states changed, steps before the end",
    "level": "level of intervals",
    "resamples": "resamples for intervals",
}
"""What the page calls settings whose names are short for Python."""


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """What a model remembers, in sentences and in figures; `print(explanation)` writes the sentences.

    Attributes:
        findings: Sentences with evidence, caveat and confidence, the headline first.
        results: The results that they rest on, by name: "horizon", "context_need", "idle_units",
            "spare_units", "transplant", "ablation", "connectivity", "highway", "gate_timescale",
            "retention_curve", "saturation", "still_units", "redundancy", "state_health",
            "importance", "integrated_gradients". With
            several modules "highway[encoder]" and so on; "horizon[NAME]" of a target, group or member.
        figures: The figures of the sentences by name; None where there is none.
        skipped: Results that this model or these inputs do not allow, with the reason.
        settings: Rows and steps looked at, of how many, and the budget.
        unit: What one step is.
        modules: The recurrent modules looked into.
    """

    findings: tuple[Finding, ...]
    results: Mapping[str, Result]
    figures: Mapping[str, Any]
    skipped: Mapping[str, str]
    settings: Mapping[str, Any]
    unit: Unit
    modules: tuple[str, ...]
    _apart: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _change: str = "change of the answer"
    _called: Mapping[str, str] = field(default_factory=dict)
    _base: Callable[[], Contents] | None = None

    def finding(self, topic: str) -> Finding | None:
        """Return the finding on a topic, such as "memory" or "views"; None where there is none."""
        return next((finding for finding in self.findings if finding.topic == topic), None)

    def curves(self) -> tuple[Curve, ...]:
        """Return the memory curves: horizon, highway (total and direct path), context need."""
        return memory_curves(self.results, self.unit, self._apart, self._change, self._called)

    def contents(self, base: Contents | HasPage | None = None) -> Contents:
        """Return the page: verdicts, memory curves, gates of one row, units, settings.

        `base` is a page to put them on; by default the one that comes with the model.
        """
        if base is None:
            base = Contents(title="Memory") if self._base is None else self._base()
        if not isinstance(base, Contents):
            base = base.contents()
        # The scores of a run stand first: what is remembered matters for a model that is any good.
        findings = (*base.findings[:1], *self.findings, *base.findings[1:])
        memory = self.finding("memory")
        return replace(
            base,
            findings=findings,
            memory="" if memory is None else memory.sentence,
            curves=(*self.curves(), *base.curves),
            inputs=input_panel(self.results, self.unit) or base.inputs,
            records=tuple(
                with_columns(
                    record, self.results, self.modules, self._module_of(record.module, record.layer)
                )
                for record in base.records
            ),
            provenance={**base.provenance, "Explanation": self._settings()},
        )

    def write_page(self, path: Path | str) -> None:
        """Write the page to one HTML file. Raises FileError where it cannot be written."""
        write_page(self.contents(), path)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON has."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "figures": plain(self.figures),
            "results": {name: result.to_dict() for name, result in self.results.items()},
            "skipped": dict(self.skipped),
            "settings": plain(self.settings),
        }

    def plot(self, **options: Any) -> Any:
        """Draw the results that have a panel on one page, as `gatewise.figures.memory_page` does.

        Returns the matplotlib figure. Raises OptionError where matplotlib is not installed.
        """
        room = notebook.figures()
        drawn = [each for each in self.results.values() if room.page.has_panel(each)]
        return room.memory_page(*drawn, **{"unit": self.unit} | options)

    def _repr_html_(self) -> str:
        told = []
        for finding in self.findings:
            sure = f" [{finding.confidence} confidence]" if finding.confidence else ""
            more = " ".join(part for part in (finding.evidence, finding.caveat) if part)
            told.append(notebook.folded(f"{finding.sentence}{sure}", more))
        return notebook.shown("What it remembers", *told)

    def __str__(self) -> str:
        return "\n".join(finding.sentence for finding in self.findings)

    def __repr__(self) -> str:
        return f"Explanation({len(self.findings)} findings, {len(self.results)} results)"

    def _settings(self) -> dict[str, Any]:
        return {SAID.get(name, name): value for name, value in plain(self.settings).items()}

    def _module_of(self, module: str, layer: int) -> str:
        """Return the traced module of a record; those of a run are called "network", by layer."""
        if module in self.modules:
            return module
        if module == "network" and layer < len(self.modules):
            return self.modules[layer]
        return ""
