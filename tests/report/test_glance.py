"""The line under the title names what a forecast is made from."""

from __future__ import annotations

from gatewise.estimators.forecaster.page.glance import about
from gatewise.unit import Unit


def test_what_is_known_ahead_and_of_each_series_is_named_too() -> None:
    settings = {"target": "sales", "horizon": 6, "future": ("promotion",), "static": ["region"]}
    assert about(settings, {}, Unit.of("1 month")) == (
        "Forecasts sales up to 6 months ahead, from its own past, region and promotion (known ahead)."
    )
    settings["calendar"] = ["month"]
    assert "promotion (known ahead) and the calendar" in about(settings, {}, Unit.of("1 month"))
    many = settings | {"inputs": list("abcd")}
    assert about(many, {}, Unit.of("1 month")).endswith("its own past, a, b, c and 4 more columns.")
    assert about({"target": "sales"}, {}, Unit.of("1 month")) == "Estimates sales."
