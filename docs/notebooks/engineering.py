# %% [markdown]
# # Engineering: a river, the soil, and a sensor that moved
#
# Two systems driven by the weather. The **Fulda**, a river in Germany, carries today the rain of
# weeks ago: can its discharge be told without ever looking at the river? And **soil** holds water at
# three depths: can its moisture be told the same way, and what happens on the day the sensors are
# no longer what they were?
#
# A network that answers such questions is a *virtual sensor*: it stands in for an instrument that is
# missing, broken or too expensive. Needs `matplotlib`; one core runs it in a minute or two.

# %%
import matplotlib.pyplot as plt
import polars as pl

import gatewise as gw

# %% reduced={"epochs": 1, "soil_epochs": 1, "lookback": 20, "soil_lookback": 20, "budget": 1}
lookback = 180  # days of weather that the river's network reads
soil_lookback = 120  # and the soil's
epochs = 30  # passes over the training data, of the river
soil_epochs = 60  # and of the soil, which has less of it
budget = 8  # seconds that an explanation may take, estimated

# %% [markdown]
# ## The river
#
# Ten years of daily weather and discharge. The network reads 180 days of rain and temperature and
# says the discharge of the last one; `horizon` is left at 0, which makes it a virtual sensor, and the
# discharge is never an input. It is trained to 1984, watched on 1985, and scored on 1986 to 1988.

# %%
river = gw.datasets.load("fulda")
gauge = gw.Forecaster(
    target="discharge",
    inputs=["rain", "tmax", "tmin"],
    lookback=lookback,
    validation="1985-01-01",
    test="1986-01-01",
    hidden_size=32,
    dropout=0.4,
    noise=0.1,
    forget_bias=3.0,
    batch_size=64,
    learning_rate=0.01,
    epochs=epochs,
    patience=None,
    baselines=["ridge", "climatology"],
)
gauge.fit(river, progress=False)
gauge.evaluation_

# %%
made = gauge.evaluation_.predictions
fig, ax = plt.subplots(figsize=(8, 3))
ax.plot(made.time[:365, 0], made.truth[:365, 0, 0], label="measured")
ax.plot(made.time[:365, 0], made.point[:365, 0, 0], label="told from the weather")
ax.set(title="The Fulda in 1986, a year held out", ylabel="m³/s")
ax.legend()
plt.show()

# %% [markdown]
# ### How far back does it look?
#
# The network has to keep snow, groundwater and wet soil in its state. `gw.explain` asks how far back
# the answer depends on the weather, by replacing the weather of one day and looking at what changes.

# %%
memory = gw.explain(gauge, river, budget=budget)
memory

# %% [markdown]
# The forget gates alone would tell another story: what they could hold is not what the answer uses.
# The gates of this network begin at sigmoid(3) = .953 a day, which keeps a twentieth for 62 days before
# anything is learnt.

# %%
figures = memory.figures
print("changes of the input:", figures.get("horizon"), "days")
print("forget gates alone:  ", figures.get("gate_reach"), "days")

# %% [markdown]
# ## The soil
#
# Moisture at 10, 25 and 40 cm, hourly from 2014 to 2016, and the weather above it. Daily means are
# enough. Two hours of rain near 2000 mm/day are no rain: they are capped. The network is trained to June
# 2015 on the weather alone and tested on the rest of that year.

# %%
depths = ["moisture_10cm", "moisture_25cm", "moisture_40cm"]
weather = ["rain", "radiation", "humidity", "temperature", "wind"]
soil = (
    gw.datasets.load("soil")
    .with_columns(pl.col("rain").clip(upper_bound=500))
    .group_by_dynamic("ds", every="1d")
    .agg(pl.col(depths + weather).mean())
)
before = soil.filter(pl.col("ds") < pl.datetime(2016, 1, 1))
probe = gw.Forecaster(
    target=depths,
    inputs=weather,
    lookback=soil_lookback,
    validation=None,
    test="2015-07-01",
    hidden_size=32,
    dropout=0.4,
    noise=0.1,
    forget_bias=3.0,
    batch_size=64,
    learning_rate=0.01,
    epochs=soil_epochs,
    patience=None,
    baselines=["ridge", "climatology"],
)
probe.fit(before, progress=False)
probe.evaluation_

# %% [markdown]
# This is no success: at 25 and 40 cm the NSE is below zero, which is worse than the mean of what
# was measured, and the network is not ahead of ridge regression. What is behind it comes below. Half a
# year is a short test, too, and this is one network of many that could have been trained: the study
# `gatewise study river` looks at ten, and asks whether deeper soil is remembered longer.
#
# ## 2016
#
# The model goes on working, on weather that comes in. Nobody touches it. Here is what was measured less
# what was told, month by month:

# %%
told = probe.predict(soil)
watched = soil.join(told, on="ds").filter(pl.col("ds") >= pl.datetime(2015, 7, 1))
drift = watched.group_by_dynamic("ds", every="1mo").agg(
    (pl.col(depth) - pl.col(f"{depth}_predicted")).mean() for depth in depths
)
fig, ax = plt.subplots(figsize=(8, 3))
for depth in depths:
    ax.plot(drift["ds"], drift[depth], "o-", label=depth.removeprefix("moisture_"))
ax.axhline(0, color="grey", linewidth=1)
ax.set(title="Moisture: measured less told, means of a month", ylabel="share of volume")
ax.legend()
plt.show()


# %%
def efficiency(rows: pl.DataFrame, depth: str) -> float:
    """Return the Nash-Sutcliffe efficiency: 1 is perfect, 0 the mean of what was measured."""
    error = rows[f"{depth}_predicted"] - rows[depth]
    return 1 - (error**2).mean() / rows[depth].var(ddof=0)


years = {year: watched.filter(pl.col("ds").dt.year() == year) for year in (2015, 2016)}
pl.DataFrame(
    {
        "depth": [depth.removeprefix("moisture_") for depth in depths],
        **{
            f"NSE in {year}": [round(efficiency(rows, depth), 2) for depth in depths]
            for year, rows in years.items()
        },
    }
)

# %% [markdown]
# Is it the model, the weather or the sensor? Soil that is full of water holds no more, so the highest
# day of a year should be much the same in every wet winter:

# %%
known = pl.col("ds") < pl.datetime(2015, 7, 1)
pl.DataFrame(
    {
        "depth": [depth.removeprefix("moisture_") for depth in depths],
        "highest day of training": [soil.filter(known)[depth].max() for depth in depths],
        "lowest": [soil.filter(known)[depth].min() for depth in depths],
        "days of 2016 above that, %": [
            round(100 * (years[2016][depth] > soil.filter(known)[depth].max()).mean())
            for depth in depths
        ],
        "days of late 2015 below that, %": [
            round(100 * (years[2015][depth] < soil.filter(known)[depth].min()).mean())
            for depth in depths
        ],
    }
)

# %% [markdown]
# At 10 cm the sensor shows more than it ever did, from autumn on: its level has shifted, and no
# model of the weather will tell it. A score on such a year says something about the sensor and little
# about the model, so 2016 is no test year. At 40 cm it is another story: the summer of 2015 was drier
# than anything in training, and there the network has to say what it has never seen.
#
# Seen the other way round, this is what a virtual sensor is good for. Measured less told should be
# nothing on average; where it stays on one side for months, somebody should go and look.

# %% [markdown]
# ## Your own plant
#
# A table with a row for each step, the instrument as `target`, what drives it as `inputs`. The same
# from the shell:
#
# ```sh
# gatewise fit plant.csv --target flow --inputs pump valve temperature --lookback 120 --out runs/plant
# gatewise predict runs/plant new.csv --out told.csv
# gatewise inspect runs/plant
# ```
#
# [Forecasting](../forecasting.md) has all options, [explain](../explain.md) says how to read what a
# network remembers.
