"""An LSTM forecasts tomorrow's volatility about as well as a regression on three means, and no price.

Volatility of a day is read off its range: variance = ln(high / low)^2 / (4 ln 2) (Parkinson 1980). One
LSTM for four stocks forecasts its logarithm a day ahead; beside it stand HAR, a regression of each
stock on the last day and the means of a week and a month (Corsi 2009), and the exponentially weighted
mean of RiskMetrics (1996). All are fitted anew before each year that is tested, on all days before it.

The second part is the usual demonstration: a network that is shown prices and asked for tomorrow's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import gatewise as gw
from gatewise.report import Curve, Line, Mark
from studies.common.checks import Check
from studies.common.statistics import holm, loss_ratio, mean_interval, same_time
from studies.common.study import Figures, Question, Settings, Study

Array = NDArray[np.float64]

STOCKS = ("AAPL", "GOOG", "IBM", "MSFT")
"""FB, the fifth, has 196 days."""
UNSPLIT = ("GOOG", "IBM", "MSFT")
UNSPLIT_FROM = "2004-08-19"
"""From here on none of the three was split: their closing prices are those that people saw."""

WEEK, MONTH = 5, 22
EWMA = 0.94
"""What RiskMetrics keeps of the day before."""
LAGS = 10
"""Days over which losses may be like each other: two weeks."""

FORECASTERS = ("lstm", "har", "ewma")
LOSSES = ("qlike", "mse")
FROM_LAST = "from the last price on"
PRICE_FORMS = {"scaled once": {"normalise": "none"}, FROM_LAST: {"normalise": "last"}}
"""How prices are shown to the network: as tutorials do it, and as changes from the last one."""

SHARED: dict[str, Any] = {
    "target": "y",
    "horizon": 1,
    # Trading days: rows are the steps.
    "frequency": "rows",
    "validation": None,
    "transform": "none",
    "loss": "squared",
    "members": 1,
    "refit": False,
    "baselines": ("persistence",),
}


def measure(seed: int, settings: Settings) -> Figures:
    """Return losses of volatility by forecaster, their ratios with errors, and figures of prices."""
    years = [volatility_losses(year, seed, settings) for year in settings["years"]]
    found: dict[str, Any] = {"volatility": {}, "price": {}}
    for loss in LOSSES:
        daily = {name: np.concatenate([year[name][loss] for year in years]) for name in FORECASTERS}
        by_year = {name: [float(year[name][loss].mean()) for year in years] for name in FORECASTERS}
        found["volatility"][loss] = {
            "mean": {name: float(values.mean()) for name, values in daily.items()},
            "by_year": by_year,
            **{
                f"lstm over {name}": vars(loss_ratio(daily["lstm"], daily[name], LAGS))
                for name in FORECASTERS[1:]
            },
        }
    for name, form in PRICE_FORMS.items():
        found["price"][name] = price_figures(seed, settings, form)
    return found


# --- volatility -------------------------------------------------------------------------------------


def log_volatility() -> pl.DataFrame:
    """Return unique_id, ds and y, the logarithm of each day's volatility, of the four stocks."""
    frame: pl.DataFrame = gw.datasets.load("stocks")
    spread = (pl.col("high") / pl.col("low")).log()
    y = (spread**2 / (4 * np.log(2))).log() / 2
    return frame.filter(pl.col("unique_id").is_in(STOCKS)).select("unique_id", "ds", y=y)


def volatility_losses(year: int, seed: int, settings: Settings) -> dict[str, dict[str, Array]]:
    """Return the losses of every forecaster on the days of a year, means over the stocks, `[days]`.

    Each forecaster has seen the days before the year alone.
    """
    frame = until(log_volatility(), year)
    learnt = forecasts(frame, year, seed, settings["network"])
    losses: dict[str, dict[str, list[Array]]] = {
        name: {loss: [] for loss in LOSSES} for name in FORECASTERS
    }
    for stock in STOCKS:
        rows = frame.filter(pl.col("unique_id") == stock).sort("ds")
        y = rows["y"].to_numpy()
        tested = rows["ds"].dt.year().to_numpy() == year
        made = {"lstm": learnt[stock], "har": har(y, ~tested), "ewma": ewma(y)}
        for name, forecast in made.items():
            for loss, values in scored(y, forecast, tested).items():
                losses[name][loss].append(values)
    return {
        name: {loss: np.mean(of_stocks, axis=0) for loss, of_stocks in each.items()}
        for name, each in losses.items()
    }


def until(frame: pl.DataFrame, year: int) -> pl.DataFrame:
    """Return the rows up to the end of a year."""
    return frame.filter(pl.col("ds").dt.year() <= year)


def forecasts(
    frame: pl.DataFrame, year: int, seed: int, network: Mapping[str, Any]
) -> dict[str, Array]:
    """Return what an LSTM that is trained on the days before `year` forecasts of each day, by stock.

    NaN for the first days, before which its window does not fit.
    """
    model = gw.Forecaster(**{**SHARED, **network}, test=f"{year}-01-01", seed=seed)
    made = model.fit(frame, progress=False).evaluate(frame, part="all").predictions
    found = {}
    for stock in frame["unique_id"].unique().to_list():
        days = frame.filter(pl.col("unique_id") == stock).sort("ds")["ds"].to_numpy()
        here = made.series == stock
        values = np.full(len(days), np.nan)
        values[np.searchsorted(days, made.time[here, 0])] = made.point[here, 0, 0]
        found[stock] = values
    return found


def har(y: Array, known: NDArray[np.bool_]) -> Array:
    """Return HAR's forecast of each day from the days before it, fitted on the days that are `known`.

    y_t = b_0 + b_d y_(t-1) + b_w mean(y_(t-5..t-1)) + b_m mean(y_(t-22..t-1)) (Corsi 2009, eq. 8, of
    logarithms). NaN for the first month.
    """
    sums = np.concatenate(([0.0], np.cumsum(y)))
    days = np.arange(MONTH, len(y))
    columns = [np.ones(len(days))]
    columns += [(sums[days] - sums[days - span]) / span for span in (1, WEEK, MONTH)]
    design = np.stack(columns, axis=1)
    fitted = known[MONTH:]
    weights = np.linalg.lstsq(design[fitted], y[MONTH:][fitted], rcond=None)[0]
    return np.concatenate((np.full(MONTH, np.nan), design @ weights))


def ewma(y: Array) -> Array:
    """Return half the logarithm of the weighted mean of the variances before each day.

    h_t = .94 h_(t-1) + .06 v_(t-1), from the mean of the first month on. NaN for that month.
    """
    variance = np.exp(2 * y)
    level = variance[:MONTH].mean()
    found = np.full(len(y), np.nan)
    for day in range(MONTH, len(y)):
        found[day] = np.log(level) / 2
        level = EWMA * level + (1 - EWMA) * variance[day]
    return found


def scored(y: Array, forecast: Array, tested: NDArray[np.bool_]) -> dict[str, Array]:
    """Return the losses of a forecast of the logarithm on the days tested, `[days]`.

    QLIKE is that of the variance, v/h - ln(v/h) - 1 (Patton 2011). The forecast of a logarithm is none
    of a variance, and the one of a variance none of a logarithm: so each forecaster's level is set, for
    each loss, to what is best on the days before.
    """
    before = ~tested & np.isfinite(forecast)
    shift = float((y - forecast)[before].mean())
    scale = float(np.exp(2 * (y - forecast))[before].mean())
    ratio = np.exp(2 * (y - forecast))[tested] / scale
    return {
        "qlike": ratio - np.log(ratio) - 1,
        "mse": np.square((y - forecast)[tested] - shift),
    }


# --- prices -----------------------------------------------------------------------------------------


def prices() -> pl.DataFrame:
    """Return unique_id, ds and y, the closing price, of the stocks and days without a split."""
    frame: pl.DataFrame = gw.datasets.load("stocks")
    unsplit = pl.col("unique_id").is_in(UNSPLIT) & (pl.col("ds").cast(pl.String) >= UNSPLIT_FROM)
    return frame.filter(unsplit).select("unique_id", "ds", y="close")


def price_figures(seed: int, settings: Settings, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return how good forecasts of prices look, and how they compare with the last price."""
    network = {**settings["network"], **form}
    of_years = [price_year(year, seed, network) for year in settings["price_years"]]
    truth, made, last = (np.concatenate(parts, axis=1) for parts in zip(*of_years, strict=True))
    looks = [
        1 - np.square(one - other).sum() / np.square(one - one.mean()).sum()
        for one, other in zip(truth, made, strict=True)
    ]
    # In shares of the last price, so that a stock of 600 dollars does not outweigh one of 25.
    ours, naive = (np.square((each - truth) / last).mean(axis=0) for each in (made, last))
    changes = [np.corrcoef(m / p, t / p)[0, 1] for t, m, p in zip(truth, made, last, strict=True)]
    return {
        "r2": float(np.min(looks)),
        "over last price": vars(loss_ratio(ours, naive, LAGS)),
        "correlation of changes": float(np.mean(changes)),
    }


def price_year(year: int, seed: int, network: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    """Return truth, forecast and last price on the days of a year, each `[stocks, days]`."""
    frame = until(prices(), year)
    learnt = forecasts(frame, year, seed, network)
    found = []
    for stock in UNSPLIT:
        rows = frame.filter(pl.col("unique_id") == stock).sort("ds")
        y = rows["y"].to_numpy()
        tested = np.flatnonzero(rows["ds"].dt.year().to_numpy() == year)
        found.append((y[tested], learnt[stock][tested], y[tested - 1]))
    truth, made, last = (np.stack(parts) for parts in zip(*found, strict=True))
    return truth, made, last


# --- judging ----------------------------------------------------------------------------------------


def judge(seeds: Sequence[Figures], settings: Settings) -> list[Check]:
    """Return losses of volatility over those of the others, and what prices look like and are."""
    checks = []
    bounds = {"har": {"at_least": 0.95, "at_most": 1.05}, "ewma": {"at_most": 1.05}}
    for loss in LOSSES:
        for rival, of_rival in bounds.items():
            told = [seed["volatility"][loss][f"lstm over {rival}"] for seed in seeds]
            found = same_time([one["ratio"] for one in told], [one["error"] for one in told])
            words = f"volatility: {loss.upper()} of the LSTM over that of {rival.upper()}"
            checks.append(Check.of(words, found, **of_rival))
        p_values = holm([seed["volatility"][loss]["lstm over har"]["p_value"] for seed in seeds])
        words = (
            f"volatility: share of seeds told from HAR by {loss.upper()} (Diebold-Mariano, Holm)"
        )
        checks.append(Check.exact(words, float(np.mean(np.array(p_values) < 0.05)), at_most=0.5))
    for form in PRICE_FORMS:
        of_form = [seed["price"][form] for seed in seeds]
        looks = mean_interval([one["r2"] for one in of_form])
        words = f"prices {form}: R2, of the stock with the lowest"
        # Scaled once, a price that leaves the range of its training is told badly: reported only.
        least = {"at_least": 0.9} if form == FROM_LAST else {}
        checks.append(Check.of(words, looks, **least))
        told = [one["over last price"] for one in of_form]
        found = same_time([one["ratio"] for one in told], [one["error"] for one in told])
        words = f"prices {form}: squared error over that of the last price"
        checks.append(Check.of(words, found, at_least=0.99))
        changes = mean_interval([one["correlation of changes"] for one in of_form])
        words = f"prices {form}: correlation of the change forecast with the change"
        checks.append(Check.of(words, changes, at_least=-0.1, at_most=0.1))
    return checks


def curves(seeds: Sequence[Figures], settings: Settings) -> list[Curve]:
    """Return losses by year and, for every seed, how prices look beside what they are worth."""
    years = np.array(settings["years"], dtype=np.float64)
    drawn = []
    for loss, called in (("qlike", "QLIKE"), ("mse", "Squared error of the logarithm")):
        lines = []
        for place, name in enumerate(FORECASTERS):
            of_seeds = np.array([seed["volatility"][loss]["by_year"][name] for seed in seeds])
            # HAR and EWMA draw nothing: they are the same for every seed.
            band = {"low": of_seeds.min(0), "high": of_seeds.max(0), "interval": "all seeds"}
            lines.append(
                Line(
                    name.upper(),
                    of_seeds.mean(0),
                    colour=place,
                    **(band if name == "lstm" else {}),
                )
            )
        drawn.append(
            Curve(
                f"Volatility, {called} by year",
                "year",
                years,
                tuple(lines),
                y_label=called,
                reading="What makes a year hard makes it hard for all three.",
                group="The claim",
            )
        )
    number = np.arange(len(seeds), dtype=np.float64)
    looks, worth = [], []
    for place, form in enumerate(PRICE_FORMS):
        of_form = [seed["price"][form] for seed in seeds]
        looks.append(Line(form, np.array([one["r2"] for one in of_form]), colour=place))
        ratios = np.array([one["over last price"]["ratio"] for one in of_form])
        worth.append(Line(form, ratios, colour=place))
    drawn.append(
        Curve(
            "Prices: how good it looks",
            "seed",
            number,
            tuple(looks),
            y_label="R2, of the stock with the lowest",
            reading="Tomorrow's price is near today's, so whatever says today's price looks excellent.",
            group="The correction",
        )
    )
    drawn.append(
        Curve(
            "Prices: what it is worth",
            "seed",
            number,
            tuple(worth),
            y_label="squared error over that of the last price",
            level=Mark(1.0, "the last price"),
            reading="No network does better than the last price.",
            group="The correction",
        )
    )
    return drawn


STUDY = Study(
    name="finance",
    title="An LSTM forecasts volatility as well as a regression on three means, and no price",
    claim=(
        "LSTMs model markets: they learn from the past of a stock what comes next. Of volatility, which "
        "comes in clusters, that is so; the textbook's picture of a network that follows the price is "
        "another matter."
    ),
    prediction=(
        "Losses of the LSTM are within 5 % of those of HAR, a linear regression on the last day, week "
        "and month: a tie, which Diebold and Mariano's test does not break in most seeds. It is at "
        "most 5 % worse than the EWMA of RiskMetrics. A network that is shown prices as "
        "changes from the last one reaches an R2 of .9 and more for every stock. However they are "
        "shown, it has at least .99 times the squared error of the last price, and the changes that "
        "it forecasts are uncorrelated with those that come (within .1)."
    ),
    source=(
        "Corsi 2009, J. Financial Econometrics 7; Parkinson 1980, J. Business 53; Patton 2011, J. "
        "Econometrics 160; Diebold & Mariano 1995, J. Business & Economic Statistics 13; RiskMetrics "
        "1996"
    ),
    correction=(
        "What can be forecast of a stock is how far it will move, and a regression on three means does "
        "it as well. A forecast of prices is the last price, a day late: its R2 says only that prices "
        "move little in a day. Set it beside the last price."
    ),
    measure=measure,
    judge=judge,
    curves=curves,
    quick={
        "years": [2009, 2011],
        "price_years": [2009, 2011],
        "network": {"lookback": 22, "hidden_size": 16, "normalise": "none", "steps": 200},
    },
    full={
        "years": [2007, 2008, 2009, 2010, 2011, 2012],
        "price_years": [2007, 2008, 2009, 2010, 2011, 2012],
        "network": {"lookback": 22, "hidden_size": 16, "normalise": "none"},
    },
    minutes=4.0,
    quick_seeds=2,
    questions=(
        Question(
            "Why does a forecast of the logarithm need a factor before it is one of the variance?",
            "The mean of exp(2y) lies above exp of twice the mean of y, by more the less is known. "
            "QLIKE is least where variance over forecast is 1 on average, so the factor is that "
            "average on the days before.",
        ),
        Question(
            "Ten seeds agree. Does that make the tie surer?",
            "Hardly. All seeds are tested on the same days, and what the days bring is most of the "
            "uncertainty: the interval here does not get narrower with seeds, only with years.",
        ),
        Question(
            "What would a plot of forecast and price show if the forecast were shifted back by one day?",
            "That it fits better: it was the last price all along.",
        ),
    ),
)
