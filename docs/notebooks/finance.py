# %% [markdown]
# # Finance: how far will the price move, and where to?
#
# Two questions about four American stocks. **How far** will a price move tomorrow? That is its
# volatility, and it comes in clusters: calm days follow calm days. **Where to** will it move? A
# picture found in many textbooks has a network follow the price closely, and seems to answer that.
#
# The notebook forecasts volatility with an LSTM and sets it beside HAR, the regression that
# econometricians use for it, and then takes the picture apart. Needs `matplotlib` and the extra
# `studies` (for statsmodels); one core runs it in a minute or two.

# %%
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from statsmodels.api import OLS

import gatewise as gw

# %% reduced={"steps": 2, "budget": 1}
steps = 400  # gradient steps of a training
budget = 8  # seconds that an explanation may take, estimated

# %% [markdown]
# ## The data
#
# `stocks` holds daily prices. The volatility of a day is read off its range: ln(high / low)² /
# (4 ln 2) is its variance (Parkinson 1980). Its logarithm is close to a normal distribution, so
# that is what is forecast. FB has 196 days only and is left out.

# %%
stocks = gw.datasets.load("stocks").filter(pl.col("unique_id") != "FB")
spread = (pl.col("high") / pl.col("low")).log()
volatility = stocks.select("unique_id", "ds", volatility=(spread**2 / (4 * np.log(2))).log() / 2)
fig, ax = plt.subplots(figsize=(8, 2.5))
ibm = volatility.filter(pl.col("unique_id") == "IBM")
ax.plot(ibm["ds"], 100 * ibm["volatility"].exp(), linewidth=0.5)
ax.set(title="IBM, volatility of each day", ylabel="% a day")
plt.show()

# %% [markdown]
# ## An LSTM
#
# One network for all four stocks, trained on the days before 2010 and scored on those from 2010 on.
# Trading days are not regular in the calendar, so the rows are the steps. A score never stands
# alone: the last value and ridge regression stand beside it.

# %%
shared = {
    "horizon": 1,
    "lookback": 22,
    "frequency": "rows",
    "validation": None,
    "test": "2010-01-01",
    "hidden_size": 16,
    "loss": "squared",
    "steps": steps,
    "members": 1,
    "refit": False,
}
model = gw.Forecaster(target="volatility", normalise="none", **shared)
model.fit(volatility, progress=False)
model.evaluation_

# %% [markdown]
# ## HAR, the rival from the field
#
# HAR (Corsi 2009) is a linear regression of tomorrow on today, on the mean of the last week and on
# that of the last month: four numbers for each stock. It is fitted here on the same days as the
# network.


# %%
def har(y: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the forecast of each day from those before; NaN for the first month."""
    days = np.arange(22, len(y))
    means = [[y[day - span : day].mean() for day in days] for span in (1, 5, 22)]
    design = np.column_stack([np.ones(len(days)), *means])
    weights = np.linalg.lstsq(design[known[22:]], y[22:][known[22:]], rcond=None)[0]
    return np.concatenate([np.full(22, np.nan), design @ weights])


rivals = []
for _, rows in volatility.sort("ds").group_by("unique_id", maintain_order=True):
    y = rows["volatility"].to_numpy()
    known = rows["ds"].to_numpy() < np.datetime64("2010-01-01")
    rivals.append(rows.with_columns(har=har(y, known)))

made = model.evaluation_.predictions
told = pl.DataFrame(
    {"unique_id": made.series, "ds": made.time[:, 0], "lstm": made.point[:, 0, 0]}
).with_columns(pl.col("ds").cast(pl.Date))
both = told.join(pl.concat(rivals).with_columns(pl.col("ds").cast(pl.Date)), on=["unique_id", "ds"])
both.select("unique_id", "ds", "volatility", "lstm", "har").head(3)

# %% [markdown]
# Which is better, and is the difference more than chance? Diebold and Mariano (1995) look at the
# difference of the squared errors day by day. Errors of neighbouring days resemble each other, which
# Newey and West's standard error allows for.

# %%
both = both.with_columns(
    lstm_error=(pl.col("lstm") - pl.col("volatility")) ** 2,
    har_error=(pl.col("har") - pl.col("volatility")) ** 2,
)
days = both.group_by("ds").agg(pl.col("lstm_error", "har_error").mean()).sort("ds")
difference = (days["lstm_error"] - days["har_error"]).to_numpy()
test = OLS(difference, np.ones_like(difference)).fit(cov_type="HAC", cov_kwds={"maxlags": 10})
low, high = 1.96 * test.bse[0] * np.array([-1, 1]) + test.params[0]
har_error = days["har_error"].mean()
print(f"squared error of the LSTM over that of HAR: {1 + test.params[0] / har_error:.3f}")
print(f"95 % interval: {1 + low / har_error:.3f} to {1 + high / har_error:.3f}")
print(f"p that they are equally good: {test.pvalues[0]:.2f}")

# %% [markdown]
# A percent or two at most: a tie for every practical purpose, with four numbers a stock on the other
# side. That is the usual result, and worth knowing before anything larger is built. The study
# `gatewise study finance` repeats it with ten seeds, a new fit for each year from 2007 to 2012 and a
# second loss.
#
# ### What does the network remember?

# %%
explanation = gw.explain(model, volatility, budget=budget)
explanation

# %% [markdown]
# ## And the price?
#
# Now the picture from the textbooks: the same network, but shown the closing price of IBM, which was
# not split in these years.

# %%
price = stocks.filter(pl.col("unique_id") == "IBM").select("ds", price="close")
follower = gw.Forecaster(target="price", normalise="last", transform="none", **shared)
follower.fit(price, progress=False)
shown = follower.evaluation_.predictions
fig, ax = plt.subplots(figsize=(8, 2.5))
ax.plot(shown.time[:, 0], shown.truth[:, 0, 0], label="price")
ax.plot(shown.time[:, 0], shown.point[:, 0, 0], label="forecast", linewidth=0.8)
ax.set(title="IBM: it looks excellent", ylabel="USD")
ax.legend()
plt.show()

# %%
follower.evaluation_

# %% [markdown]
# It *is* the last price. Persistence, the baseline that says "tomorrow is as today", does as well.
# What matters is the change, and there is nothing of it in the forecast:

# %%
truth, forecast = shown.truth[:, 0, 0], shown.point[:, 0, 0]
last = truth[:-1]
changes, said = truth[1:] / last - 1, forecast[1:] / last - 1
r_squared = 1 - ((truth - forecast) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
print(f"R2 of the price: {r_squared:.3f}")
print(f"correlation of the change forecast with the change: {np.corrcoef(said, changes)[0, 1]:.3f}")
ratio = np.sqrt(((forecast[1:] - truth[1:]) ** 2).mean() / ((last - truth[1:]) ** 2).mean())
print(f"error over that of the last price: {ratio:.3f}")

# %% [markdown]
# So: forecast how far and not where to, set HAR beside volatility and the last price beside a price,
# and judge the difference by days, not by eye. [Forecasting](../forecasting.md) has all options.
