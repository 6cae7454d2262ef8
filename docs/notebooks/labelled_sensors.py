# %% [markdown]
# # Labelled sensors: does it rain?
#
# A weather station in Hesse logged its instruments hourly from 2014 to 2016. Say its rain gauge is
# out of order. Can the other five instruments tell whether it rained: on which days, and in which
# hours?
#
# The gauge itself labelled the years in which it worked, so this is a task for a **classifier**
# (one label for each day) and for a **tagger** (one label for each hour). On the way you will see
# what stands beside every score, how far the probabilities can be trusted, and what the networks
# remember. Your own table of labelled measurements goes the same way; the last section says how.
#
# Needs `matplotlib` and the extra `baselines`. Everything here runs on one core in a few minutes.

# %%
import matplotlib.pyplot as plt
import numpy as np
import polars as pl

import gatewise as gw

# %% reduced={"months": 2, "epochs": 1, "members": 1}
months = 12  # of each year that are read
epochs = 40  # passes over the training data, at most: a validation year stops them earlier
members = 3  # networks that differ by their seed; their mean predicts

# %% [markdown]
# ## The data
#
# A year trains, the next one decides when to stop, and the last one is looked at once, for the
# scores. Whole years, because days drawn at random would have their neighbours in training, with
# the same weather front passing through both.

# %%
station = (
    gw.datasets.load("soil")
    .select("ds", "rain", "pressure", "radiation", "humidity", "temperature", "wind")
    .with_columns(
        split=pl.col("ds")
        .dt.year()
        .replace_strict({2014: "training", 2015: "validation", 2016: "test"})
    )
    .filter(pl.col("ds").dt.month() <= months)
)
station.filter(pl.col("rain") > 0).head(3)

# %% [markdown]
# A day is *wet* from 1 mm on, as climatologists count them. One sequence is one day, midnight to
# midnight, a row for each hour: `day` says which rows belong together, and a label that is the same
# in all of them is that of the sequence. `rain` itself must not be among the inputs.

# %%
sensors = ["pressure", "radiation", "humidity", "temperature", "wind"]
days = station.with_columns(day=pl.col("ds").dt.date().cast(pl.String)).with_columns(
    kind=pl.when(pl.col("rain").mean().over("day") >= 1)  # mm in a day
    .then(pl.lit("wet"))
    .otherwise(pl.lit("dry"))
)
days.group_by("split", "kind").agg(days=pl.len() // 24).sort("split", "kind")

# %% [markdown]
# ## A label for each day

# %%
classifier = gw.Classifier(
    target="kind",
    series="day",
    inputs=sensors,
    split="split",
    hidden_size=16,
    epochs=epochs,
    members=members,
)
classifier.fit(days, progress=False)
classifier.evaluation_

# %%
_, ax = plt.subplots()
classifier.evaluation_.plot(ax)
plt.show()

# %% [markdown]
# The verdict stands first. The network's correlation is the highest, but the interval of its
# *difference* from random convolutions reaches below 0, and so it says "no clear difference": of
# 366 days, others might have told it the other way round. The baselines are fitted on the same
# year, with what the validation year chose for them. Where a network is no better, a baseline is
# the better choice: it is simpler and trains in a second. Here it would be worth another year of
# labels before anything is decided.
#
# ### Can the probabilities be trusted?
#
# A network is often surer than it should be. One temperature, chosen on the validation year,
# corrects that as far as it can without changing any label. Here there was little to correct, and
# with 366 days the points scatter. On the test year, in bins of how sure the network was: a point
# on the diagonal is right as often as it says.

# %%
fig, ax = plt.subplots(figsize=(4, 4))
scores = classifier.evaluation_
for found, label in ((scores.before, "as trained"), (scores.after, "calibrated")):
    ax.plot(found.confidence, found.accuracy, "o-", label=f"{label}: off by {found.ece:.3f}")
ax.plot([0.5, 1], [0.5, 1], color="grey", linewidth=1)
ax.set(xlabel="how sure the network is", ylabel="share that is right")
ax.legend()
plt.show()
print(scores.temperature.text())

# %% [markdown]
# ### What does it look at, and what does it remember?
#
# `gw.explain` runs the network on the test year, replaces steps and columns of its input, and says
# in sentences what that does to the answer. `write_page` puts all of it, with the curves, on a page
# that opens in any browser. A memory of "at least" so many hours has reached the other end of the
# day: there is no more to remember.

# %%
explanation = gw.explain(classifier, days, unit="1 hour")
explanation.write_page("wet-days.html")
explanation

# %% [markdown]
# ## A label for each hour
#
# Now every hour is `rain` or `none`, and a sequence is a month. The label differs from row to row
# within a sequence, so it belongs to the step. One hour in ten is rainy: a model that always says
# `none` is right nine times out of ten, which is why Matthews' correlation decides and not
# accuracy.
#
# With labels as rare as that, a rainy hour is hardly ever the *likelier* one, so few hours are called
# rainy. That is no fault of the probabilities: these are of the world as it is, and whoever needs
# labels draws a line where misses and false alarms cost alike. `class_weights="balanced"` would move
# the labels instead, and its price is high: probabilities of a world in which it rains half of the
# time. So the network is trained on the hours as they are.

# %%
hours = station.with_columns(
    month=pl.col("ds").dt.strftime("%Y-%m"),
    weather=pl.when(pl.col("rain") > 0).then(pl.lit("rain")).otherwise(pl.lit("none")),
)
tagger = gw.Tagger(
    target="weather",
    series="month",
    inputs=sensors,
    split="split",
    hidden_size=16,
    piece=168,  # a week
    epochs=epochs,
    members=members,
)
tagger.fit(hours, progress=False)
tagger.evaluation_

# %% [markdown]
# Two columns of that table do not depend on a line between labels. AUC is the chance that a rainy
# hour is ranked above a dry one, and the log loss is what the probabilities cost, in bits: a blind
# guess, which knows how often it rains and no more, is the one to beat. Now the line, drawn where the
# validation year has the best labels, and judged on the test year. Of two classes Matthews'
# correlation is the plain one of labels and truth.


# %%
def matthews(part, line):
    """Matthews' correlation where an hour is called rainy from this probability on."""
    held = hours.filter(pl.col("split") == part)
    told = tagger.predict_frame(held.drop("rain", "split", "weather"))
    called, rainy = told["probability_rain"] >= line, held["weather"] == "rain"
    if called.n_unique() < 2:  # all hours alike: no correlation
        return 0.0
    return np.corrcoef(called, rainy)[0, 1]


lines = np.arange(0.1, 0.51, 0.05)
best = max(lines, key=lambda line: matthews("validation", line))
print(f"line at {best:.2f}: Matthews' correlation {matthews('test', best):.2f}")
print(f"line at 0.50: {matthews('test', 0.5):.2f}")

# %% [markdown]
# What does it rest on?

# %%
gw.explain(tagger, hours, unit="1 hour")

# %% [markdown]
# ## New measurements
#
# What comes in later has no labels, and needs none. Here is a week of February 2016 as it would
# arrive: the tagger gives each hour a label and its probability.

# %%
new = station.filter(pl.col("ds").is_between(pl.datetime(2016, 2, 1), pl.datetime(2016, 2, 7, 23)))
told = tagger.predict_frame(new.drop("rain", "split").with_columns(month=pl.lit("new")))
told.head()

# %%
fig, ax = plt.subplots(figsize=(8, 2.5))
ax.fill_between(new["ds"], new["rain"] > 0, step="mid", alpha=0.3, label="the gauge: rain")
ax.plot(new["ds"], told["probability_rain"], label="the tagger: probability of rain")
ax.set_ylim(0, 1)
ax.legend(loc="upper left")
plt.show()

# %% [markdown]
# A model is one file, and says the same again after it was loaded.

# %%
tagger.save("rain.gatewise")
again = gw.Tagger.load("rain.gatewise")
assert again.predict_frame(new.with_columns(month=pl.lit("new"))).equals(told)

# %% [markdown]
# ## Your own table
#
# A CSV or Parquet file, or a pandas or polars frame: a row for each step, a column that says which
# sequence it belongs to, one with the label, numbers for the rest. Without a column for the parts,
# whole sequences are drawn; `groups` keeps those of one machine or one person together. The same
# from the shell:
#
# ```sh
# gatewise fit days.csv --task classify --target kind --series day --out runs/days
# gatewise predict runs/days new.csv --out labels.csv
# gatewise inspect runs/days
# ```
#
# [Sequences](../sequences.md) has all options, [explain](../explain.md) says how to read what a
# network remembers.
