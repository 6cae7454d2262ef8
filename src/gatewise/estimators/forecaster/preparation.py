"""From the caller's data to scaled windows per part, each made once, and every check on the way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from gatewise.data.files import read_frame
from gatewise.data.tables.categories import Vocabulary
from gatewise.data.tables.columns import Columns, resolve_columns
from gatewise.data.tables.frames import table_from_frame
from gatewise.data.tables.levels import Normaliser
from gatewise.data.tables.rates import Rates
from gatewise.data.tables.scaling import Scaler
from gatewise.data.tables.split import Part, Split
from gatewise.data.tables.table import Table
from gatewise.data.tables.transforms import Transform
from gatewise.data.tables.windows import Features, Windows
from gatewise.errors import DataError, warn
from gatewise.estimators.forecaster.baselines import Baselines, fit_baselines
from gatewise.estimators.forecaster.output import check_output_names
from gatewise.estimators.forecaster.settings import ForecasterSettings, as_names
from gatewise.estimators.forecaster.settling import Settled, settled, split_of
from gatewise.estimators.forecaster.silence import warn_of_unusable
from gatewise.estimators.reading import ReadingOptions
from gatewise.typing import Mask
from gatewise.wording import counted, figure


@dataclass(frozen=True, eq=False)
class Prepared:
    """A table and what is made of it, each on first use: a fit, its scores and its page share one.

    `settings` leave nothing open (`settling.settled`). `given` is the table as it was read, `unused` the
    columns of the data that it leaves out. Of data that comes after a fit, what begins with `fitted_` is
    the fit's, and `context` the rows that it ended with.
    """

    settings: ForecasterSettings
    given: Table
    unused: tuple[str, ...] = ()
    fitted_scaler: Scaler | None = None
    fitted_normaliser: Normaliser | None = None
    fitted_vocabulary: Vocabulary | None = None
    fitted_split: Split | None = None
    season: int | None = None  # in rows, which level and baselines share; None where there is none
    context: Table | None = None
    ahead: Table | None = (
        None  # rows after those given, of which what is known ahead is known alone
    )

    @classmethod
    def of(
        cls,
        found: Settled,
        table: Table,
        unused: tuple[str, ...] = (),
        ahead: Table | None = None,
    ) -> Self:
        """Return the data of a fit."""
        split, season = found.split, found.season
        return cls(found.settings, table, unused, fitted_split=split, season=season, ahead=ahead)

    @property
    def told(self) -> tuple[str, ...]:
        """What a user should hear of the reading: columns that play no part, and repairs."""
        unused = (f"columns not used: {', '.join(self.unused)}",) if self.unused else ()
        ahead = () if self.ahead is None else (f"{counted(len(self.ahead), 'row')} ahead",)
        return unused + self.given.notes + ahead

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The table's SHA-256, rows and series."""
        given = self.given
        return {
            "sha256": fingerprint(given, self.ahead),
            "rows": len(given),
            "series": len(given.series),
        }

    @cached_property
    def table(self) -> Table:
        """The table, after the rows of the fit where it directly follows them."""
        return self.given if self.context is None else self.context.before(self.given)

    @cached_property
    def split(self) -> Split:
        """Where the parts begin."""
        if self.fitted_split is not None:
            return self.fitted_split
        return split_of(self.settings, self.given)

    @cached_property
    def scaler(self) -> Scaler:
        """The scaling, whose means come from the training part only."""
        if self.fitted_scaler is not None:
            return self.fitted_scaler
        training = self.split.part_rows(self.given, "training")
        transformed = self.normaliser.transform.applied(self.given)
        if transformed is not self.given:  # what is refused is told in the table's own units
            Scaler.fit(self.given, training, mode=self.settings.scale)
        return Scaler.fit(transformed, training, mode=self.settings.scale)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The labels of the columns of categories, those of the training part only."""
        if self.fitted_vocabulary is not None:
            return self.fitted_vocabulary
        training = self.split.part_rows(self.given, "training")
        return Vocabulary.fit(self.given.columns.categories, self.given.labels, training)

    @cached_property
    def normaliser(self) -> Normaliser:
        """How targets become what the network sees and answers, learnt from the training part only."""
        if self.fitted_normaliser is not None:
            return self.fitted_normaliser
        settings = self.settings
        if settings.horizon == 0:  # a virtual sensor has no past of its target to take a level from
            return Normaliser.plain()
        training = self.split.part_rows(self.given, "training")
        transform = Transform.fit(self.given, training, settings.transform, self.season or 1)
        return Normaliser.fit(
            self.given,
            training,
            normalise=settings.normalise,
            transform=transform,
            season=self.season,
            lookback=settings.steps_back,
        )

    @cached_property
    def baselines(self) -> Baselines:
        """The baselines to stand beside, fitted on the training part."""
        return self._baselines(self.split)

    @property
    def baselines_of_all(self) -> Baselines:
        """The same baselines fitted on all rows, which predict where the network was refitted too."""
        return self._baselines(Split(None, None))

    def _baselines(self, split: Split) -> Baselines:
        return fit_baselines(
            self.given,
            split,
            lookback=self.settings.steps_back,
            horizon=self.settings.horizon,
            season=self.season,
            levels=self.settings.levels(),
            names=self.settings.baselines,
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that there are."""
        return self.split.parts

    @property
    def scored(self) -> Part:
        """The part that a fit is scored on."""
        return self.split.scored

    @property
    def train(self) -> Windows:
        """The windows of the training part."""
        return self.windows("training")

    @property
    def validation(self) -> Windows | None:
        """The windows of the validation part; None where there is no such part."""
        return self.windows("validation") if "validation" in self.parts else None

    def windows(self, part: Part | None) -> Windows:
        """Return the windows of a part whose targets are known; None stands for all of the data."""
        if part not in self._windows:
            rows = self._new & self.split.part_rows(self.table, part or "all")
            self._windows[part] = self._features.windows(rows, part=part or "data")
        return self._windows[part]

    def check(self) -> None:
        """Make everything that a fit needs, and so raise all that could be wrong, before any work.

        Raises DataError where two columns of the predictions would have one name. Once is enough: what
        is told of unusable series is not told again.
        """
        _ = self._checked

    def warn_of_unseen(self) -> None:
        """Warn of labels that training did not have; DataError where they are to be refused."""
        found = self.vocabulary.unseen(self.table.labels, self._new, self.settings.unseen)
        if found is not None:
            warn(found)

    @cached_property
    def _checked(self) -> bool:
        settings = self.settings
        check_output_names(
            self.given.columns,
            horizon=settings.horizon,
            members=settings.member_count,
            levels=settings.levels(),
        )
        warn_of_unusable(
            self.given,
            np.diff(self.given.starts),
            lookback=settings.steps_back,
            horizon=settings.horizon,
            lost="no training and no score",
        )
        self.warn_of_unseen()
        if settings.positive:
            check_positive(self.given)
        for part in self.parts:
            self.windows(part)
        _ = self.baselines
        return True

    @cached_property
    def _features(self) -> Features:
        lookback, horizon = self.settings.steps_back, self.settings.horizon
        return Features.of(
            self.table,
            self.scaler.transform(self.normaliser.transform.applied(self.table)),
            lookback=lookback,
            horizon=horizon,
            missing=self.settings.missing,
            levels=self.normaliser.levels(self.table, lookback, horizon),
            rates=rates_of(self.settings, self.table, self.scaler),
            vocabulary=self.vocabulary,
        )

    @cached_property
    def _windows(self) -> dict[Part | None, Windows]:
        return {}

    @cached_property
    def _new(self) -> Mask:
        return new_rows(self.table, self.given)


def check_positive(table: Table) -> None:
    """Raise DataError for a target below 0."""
    for name in table.columns.target:
        below = np.flatnonzero(table.column(name) < 0)
        if below.size:
            first = int(below[0])
            named = table.series[int(table.starts.searchsorted(first, "right")) - 1]
            where = f" of series {named!r}" if named else ""
            count = counted(below.size, "value")
            raise DataError(
                f"positive=True, and target {name!r} has {count} below 0, the first{where} at "
                f"{table.stamp(table.time[first])} ({figure(table.column(name)[first], 6)}): leave "
                "positive out"
            )


def rates_of(settings: ForecasterSettings, table: Table, scaler: Scaler) -> Rates | None:
    """Return the rates of a table's targets where they are counts; None where they are not."""
    if not settings.counts:
        return None
    usual = scaler.target_means(table)
    return Rates.of(table, usual, lookback=settings.steps_back, horizon=settings.horizon)


def new_rows(table: Table, given: Table) -> Mask:
    """Return which rows of `table` are those of `given`, and not of the fit before it, [N]."""
    if table is given:
        return np.ones(len(table), dtype=bool)
    lengths = np.diff(table.starts)
    old = lengths - np.diff(given.starts)
    within = np.arange(len(table)) - np.repeat(table.starts[:-1], lengths)
    return np.asarray(within >= np.repeat(old, lengths))


def as_frame(settings: ReadingOptions, data: Any) -> Any:
    """Read `data` as the settings say if it is a path; frames and tables pass through."""
    if not isinstance(data, str | Path):
        return data
    return read_frame(
        data,
        sep=settings.sep,
        decimal=settings.decimal,
        comment=settings.comment,
        parse_dates=settings.date_format is None,
    )


def read_table(settings: ForecasterSettings, data: Any) -> Table:
    """Return the checked table of `data` with the columns that the settings name."""
    if isinstance(data, Table):  # checked when it was made
        return data
    frame = as_frame(settings, data)
    columns = resolve_columns(
        frame,
        target=settings.target,
        inputs=as_names(settings.inputs),
        future=as_names(settings.future),
        static=as_names(settings.static),
        time=settings.time,
        series=settings.series,
        calendar=tuple(settings.calendar),
        categories=as_names(settings.categories),
        ahead=settings.horizon > 0,
    )
    return table_from_frame(
        frame,
        columns,
        missing=settings.missing,
        frequency=settings.frequency,
        allow_trailing_gap=rows_ahead(settings, columns),
        repairs=settings.repairs(settings.season),
    )


def prepare(settings: ForecasterSettings, data: Any) -> Prepared:
    """Return the data of a fit, read and checked as a table; the rest is made when it is asked for."""
    frame = as_frame(settings, data)
    table = read_table(settings, frame)
    known, ahead = table.parted(rows_ahead(settings, table.columns))
    found = settled(settings, known)
    return Prepared.of(found, known, unused_columns(frame, table), ahead)


def rows_ahead(settings: ForecasterSettings, columns: Columns) -> int:
    """Return how many last rows of a series may be of the future: they hold columns known ahead."""
    given = set(columns.named("future")) - set(columns.calendar)
    return settings.horizon if given else 0


def unused_columns(frame: Any, table: Table) -> tuple[str, ...]:
    """Return the columns of a frame that play no part in its table."""
    if isinstance(frame, Table):
        return ()
    columns = table.columns
    labels = (one.name for one in columns.categories)
    used = {*columns.values, *labels, columns.time, columns.series}
    return tuple(str(name) for name in frame.columns if str(name) not in used)


def fingerprint(*tables: Table | None) -> str:
    """Return the SHA-256 of the tables' values, times and series, as hexadecimal digits."""
    digest = hashlib.sha256()
    for table in tables:
        if table is not None:
            _add_to(digest, table)
    return digest.hexdigest()


def _add_to(digest: Any, table: Table) -> None:
    digest.update("\x1f".join((*table.columns.values, *table.series)).encode())
    digest.update(np.ascontiguousarray(table.starts).tobytes())
    digest.update(np.ascontiguousarray(table.time.astype(np.int64)).tobytes())
    digest.update(np.ascontiguousarray(table.values).tobytes())
    if table.columns.categories:
        digest.update(repr((table.columns.categories, table.labels.names)).encode())
        digest.update(np.ascontiguousarray(table.labels.codes).tobytes())
