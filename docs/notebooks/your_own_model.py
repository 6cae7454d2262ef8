# %% [markdown]
# # Your own PyTorch model, accelerated and explained
#
# You have a model in plain PyTorch with an LSTM somewhere in it, and a training loop of your own.
# This notebook leaves both as they are. It makes the LSTM inside faster with one call, checks that
# the numbers are the same, records its gates, and asks what the model remembers. At the end it
# takes gatewise out again.
#
# The model here estimates how much water flows down a river, from the weather of the last months
# and without ever seeing the river. Needs `matplotlib`.

# %%
import copy
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import gatewise as gw

# %% reduced={"epochs": 1, "window": 40, "hidden": 8, "repeats": 1}
epochs = 12
window = 180  # days of weather that the model reads
hidden = 32
repeats = 30  # training steps that are timed

# %% [markdown]
# ## A model in plain PyTorch
#
# Nothing in this section knows gatewise, but for the data: ten years of daily weather and discharge
# of the river Fulda. The first six years train, 1985 is for trying things out, and 1986 to 1988 are
# the test.

# %%
torch.manual_seed(0)
river = gw.datasets.load("fulda")
weather = river.select("rain", "tmax", "tmin").to_torch().float()
discharge = river["discharge"].to_torch().float()
year = river["ds"].dt.year().to_numpy()

train = year <= 1984
weather = (weather - weather[train].mean(0)) / weather[train].std(0)
level, spread = discharge[train].mean(), discharge[train].std()


def windows(years):
    """The windows that end on a day of these years, [rows, window, 3], and the discharge of that day."""
    ends = np.flatnonzero(np.isin(year, years))
    ends = torch.from_numpy(ends[ends >= window - 1])
    days = ends[:, None] + torch.arange(1 - window, 1)
    return weather[days], (discharge[ends] - level) / spread


x_train, y_train = windows(range(1979, 1985))
x_test, y_test = windows([1986, 1987, 1988])
x_train.shape, x_test.shape


# %%
class Gauge(nn.Module):
    """Discharge from weather."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.head(self.dropout(states[:, -1])).squeeze(1)


model = Gauge()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)


def step(model, optimizer, x, y):
    """One step of training."""
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


# %% [markdown]
# ## One call
#
# `gw.accelerate` gives the LSTM inside the model gatewise's class, in place: the same parameters
# under the same names, so the optimizer made before goes on working. With `report=True` it says
# what it took and what it left.

# %%
stock = copy.deepcopy(model)  # to compare with
print(gw.accelerate(model, report=True))
print(type(model.lstm), isinstance(model.lstm, nn.LSTM))
print(model.lstm.engine_choice(x_train[:64]).reason)

# %% [markdown]
# ### The same numbers
#
# Answers and gradients differ by what rounding in float32 leaves.


# %%
def answers_and_gradients(model):
    """Answers for a batch, and all gradients in one vector."""
    model.eval()
    answers = model(x_train[:64])
    loss = nn.functional.mse_loss(answers, y_train[:64])
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    model.train()
    return answers.detach(), torch.cat([gradient.flatten() for gradient in gradients])


for ours, theirs in zip(answers_and_gradients(model), answers_and_gradients(stock), strict=True):
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    print(f"largest difference below 1e-5: {bool((ours - theirs).abs().max() < 1e-5)}")

# %% [markdown]
# ### Less time
#
# Whole training steps, the optimizer's part with them, on copies and in turns so that both meet the
# same machine. The ratio depends on the processor, the sizes and the threads;
# [benchmarks](../benchmarks.md) has more of them.


# %%
def seconds(model, optimizer):
    """How long one training step takes."""
    start = time.perf_counter()
    step(model, optimizer, x_train[:64], y_train[:64])
    return time.perf_counter() - start


plain, fast = copy.deepcopy(stock), copy.deepcopy(model)
pairs = [(each, torch.optim.Adam(each.parameters())) for each in (plain, fast)]
taken = [[seconds(*pair) for pair in pairs] for _ in range(repeats + 3)][3:]
plain_time, fast_time = np.median(taken, axis=0)
print(f"a training step is {plain_time / fast_time:.0f} times as fast")

# %% [markdown]
# ## Training, as before

# %%
order = torch.Generator().manual_seed(0)
for _ in range(epochs):
    for rows in torch.randperm(len(x_train), generator=order).split(64):
        step(model, optimizer, x_train[rows], y_train[rows])
_ = model.eval()

# %% [markdown]
# A score needs something beside it. Nash and Sutcliffe's efficiency is 1 for a perfect estimate and
# 0 for the mean of the test years; the rival is a linear regression on the weather of the last 30
# days and its means over 90 and over all days of the window.


# %%
def efficiency(answers, truth):
    """NSE: the share of the variance that is explained."""
    return 1 - ((answers - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()


def features(x):
    """What the linear regression sees of a window."""
    means = (x[:, -90:].mean(1), x.mean(1), torch.ones(len(x), 1))
    return torch.cat([x[:, -30:].flatten(1), *means], 1)


weights = torch.linalg.lstsq(features(x_train), y_train).solution
with torch.no_grad():
    estimated = model(x_test)
print(f"linear regression  {efficiency(features(x_test) @ weights, y_test):.2f}")
print(f"your model         {efficiency(estimated, y_test):.2f}")

# %%
dates = river["ds"].filter(np.isin(year, [1986, 1987, 1988]))
fig, ax = plt.subplots(figsize=(9, 3))
ax.plot(dates, (y_test * spread + level).numpy(), label="measured", color="grey")
ax.plot(dates, (estimated * spread + level).numpy(), label="estimated from weather alone")
ax.set_ylabel("discharge, m³/s")
ax.legend()
plt.show()

# %% [markdown]
# ## Inside: every gate at every step
#
# `gw.trace` records the gates while the model runs, and changes nothing about it. Here are the
# forget gates over the window that ends at the highest water of the test years, and what the cells
# hold meanwhile. The unit whose gate keeps most is on top.

# %%
highest = int(y_test.argmax())
with torch.no_grad(), gw.trace(model) as trace:
    model(x_test[highest : highest + 1])
gates = trace["lstm"]  # each [layers, directions, time, batch, hidden]
forget, cell = gates.forget[0, 0, :, 0], gates.cell[0, 0, :, 0]
units = forget.mean(0).argsort(descending=True)

fig, (top, middle, bottom) = plt.subplots(
    3, 1, figsize=(9, 6), sharex=True, height_ratios=[1, 2, 2], layout="constrained"
)
days = np.arange(1 - window, 1)
top.bar(days, x_test[highest, :, 0].numpy(), width=1)
top.set_ylabel("rain, scaled")
edges = (days[0] - 0.5, 0.5, hidden - 0.5, -0.5)
image = middle.imshow(forget[:, units].T.numpy(), aspect="auto", vmin=0, vmax=1, extent=edges)
middle.set_ylabel("forget gate, by unit")
fig.colorbar(image, ax=middle)
image = bottom.imshow(
    cell[:, units].T.numpy(), aspect="auto", vmin=-2, vmax=2, cmap="RdBu", extent=edges
)
bottom.set(ylabel="cell, by unit", xlabel="days before the estimate")
fig.colorbar(image, ax=bottom)
plt.show()

# %% [markdown]
# ## What does it remember?
#
# Gates show what *may* be kept, not what is used. `gw.explain` intervenes: it replaces parts of the
# input, resets states, swaps columns, and measures what that does to the answer and, with
# `targets`, to the score. Each sentence opens to its evidence.

# %%
explanation = gw.explain(
    model, x_test, targets=y_test, columns=["rain", "tmax", "tmin"], unit="1 day"
)
explanation.write_page("your-model.html")
explanation

# %% [markdown]
# The figures behind it can be had one by one. How far back does the estimate depend on the weather?

# %%
day = gw.report.Unit.of("1 day")
horizon = gw.memory.horizon(model, x_test[::4])
gw.figures.horizon(horizon, unit=day).figure

# %% [markdown]
# Does it need a window of this length? For training, a shorter one would be cheaper.

# %%
need = gw.memory.context_need(model, x_test[::4], y_test[::4])
gw.figures.context_need(need, unit=day).figure

# %% [markdown]
# ## And out again
#
# `gw.restore` gives the modules their old class back. Weights are where they were, a checkpoint has
# the keys it always had, and nothing needs gatewise any more.

# %%
gw.restore(model)
assert type(model.lstm) is nn.LSTM
torch.save(model.state_dict(), "gauge.pt")
elsewhere = Gauge()
elsewhere.load_state_dict(torch.load("gauge.pt"))
with torch.no_grad():
    torch.testing.assert_close(elsewhere.eval()(x_test), estimated, rtol=1e-4, atol=1e-5)
list(model.state_dict())

# %% [markdown]
# ## With your model
#
# - `gw.accelerate(model)` takes every LSTM, GRU, RNN and cell of torch in it, however deep. What it
#   must leave (a subclass with a `forward` of its own, say) it names.
# - `gw.explain(model, inputs)` needs no targets. `output=` says how to read answers that are no
#   plain tensor, `module=` which recurrent module to look into.
# - `model.lstm(x, return_gates=True)` returns the gates as a differentiable value: a cost on a gate
#   is one line of the loss.
# - [Modules](../modules.md), [tracing](../tracing.md), [memory](../memory.md) and
#   [explain](../explain.md) go into the rest.
