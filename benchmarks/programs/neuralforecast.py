"""neuralforecast's LSTM: five steps of training on ten made-up series, then their forecasts."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from benchmarks.programs.program import Program

PROGRAM = Program(
    about="its LSTM (two layers, 128 units) learns ten series for five steps and forecasts them",
    packages=("neuralforecast==3.3.0",),
    imports=("neuralforecast", "pytorch_lightning"),
)


def work(folder: Path, variant: str, out: Path) -> None:
    """Learn and forecast."""
    numpy, pandas = import_module("numpy"), import_module("pandas")
    draw, steps = numpy.random.default_rng(0), numpy.arange(400)
    series = [
        pandas.DataFrame(
            {
                "unique_id": number,
                "ds": pandas.date_range("2020-01-01", periods=400),
                "y": numpy.sin(steps / (3 + number)) + draw.normal(0, 0.1, 400),
            }
        )
        for number in range(10)
    ]
    model = import_module("neuralforecast.models").LSTM(
        h=12,
        input_size=96,
        encoder_hidden_size=128,
        max_steps=5,
        random_seed=0,
        accelerator="cpu",
        enable_progress_bar=False,
        logger=False,
    )
    package = import_module("neuralforecast").NeuralForecast(models=[model], freq="D")
    package.fit(pandas.concat(series))
    with out.open("wb") as file:
        numpy.save(file, package.predict()["LSTM"].to_numpy())
