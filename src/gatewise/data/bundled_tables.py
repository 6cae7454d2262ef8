"""The bundled tables: a row for each moment."""

from __future__ import annotations

from gatewise.data.dataset import Dataset

_SPOTPY = (
    "Houska T, Kraft P, Chamorro-Chavez A, Breuer L (2015). SPOTting Model Parameters Using a "
    "Ready-Made Python Package. PLoS ONE 10(12): e0145180. Data from the package's examples."
)

TABLES = {
    "fulda": Dataset(
        name="fulda",
        title="Rain, temperature and discharge of the Fulda at Grebenau, Germany, 1979 to 1988",
        rows=3653,
        step="1 day",
        columns={
            "ds": "date",
            "rain": "mm/day, mean of the catchment",
            "tmax": "degC, daily maximum",
            "tmin": "degC, daily minimum",
            "discharge": "m3/s, daily mean",
        },
        terms="MIT (Copyright (c) 2015 Tobias Houska)",
        citation=_SPOTPY,
        notes=("No gaps.", "The catchment has 2976.41 km2."),
    ),
    "soil": Dataset(
        name="soil",
        title="Soil moisture at three depths with its weather, Hesse, Germany, 2014 to 2016",
        rows=26304,
        step="1 hour",
        columns={
            "ds": "date and time, zone not stated",
            "rain": "mm/day",
            "pressure": "hPa",
            "radiation": "W/m2, solar",
            "humidity": "%, relative",
            "temperature": "degC, air",
            "wind": "m/s",
            "groundwater": "m, groundwater head",
            "moisture_10cm": "volumetric soil moisture at 10 cm (fraction; unit not stated)",
            "moisture_25cm": "volumetric soil moisture at 25 cm (fraction; unit not stated)",
            "moisture_40cm": "volumetric soil moisture at 40 cm (fraction; unit not stated)",
        },
        terms="Any purpose with proper references in publications; provided as is",
        citation=(
            "Chair of Landscape, Water and Biogeochemical Cycles, Justus-Liebig-University "
            "Giessen: weather station at the Schwingbach near Rechtenbach and soil moisture "
            "profile at the Vollnkirchener Bach near Vollnkirchen, Hesse, Germany. "
            "https://www.uni-giessen.de/faculties/f09/institutes/ilr/hydro"
        ),
        notes=(
            "groundwater lacks 3012 hours in 8 gaps, the longest from 2014-12-08 to 2015-02-12.",
            "rain reaches 1755.7 and 2056.5 mm/day at 2014-07-24 17:00 and 18:00, as published: "
            "suspicious, and the training scale feels it.",
            "In 2016 the level of the moisture sensors shifts: a lesson in drift, not a test year.",
            "The publisher's weather file swaps day and month up to the 12th; here that is undone.",
        ),
    ),
    "stocks": Dataset(
        name="stocks",
        title="Daily prices of five American stocks (AAPL, FB, GOOG, IBM, MSFT), 2000 to 2013",
        rows=12154,
        step='trading days: irregular, use frequency="rows"',
        columns={
            "unique_id": "ticker: the series",
            "ds": "date",
            "open": "USD, unadjusted",
            "high": "USD, unadjusted",
            "low": "USD, unadjusted",
            "close": "USD, unadjusted: it jumps where a stock was split",
            "volume": "shares",
            "adjusted_close": "USD, adjusted for splits and dividends after the fact",
        },
        terms="Public domain (Quandl WIKI Prices)",
        citation="Quandl WIKI Prices, archived copy supplied by marketneutral on Kaggle.",
        notes=(
            "The series start at different dates; FB has 196 rows.",
            "adjusted_close knows of later splits and dividends: nobody saw its level then.",
        ),
    ),
}
