"""Cells that no user will have: registered during a test, they are what a new cell would be."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.cells import CellSpec, ExtraParameter, Parameters, State


def overwrite(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """One state, and a gate that writes: where it is 1 the state is overwritten."""
    (h,) = state
    w, r = OVERWRITE.split(wx), OVERWRITE.split(rh)
    fresh = torch.sigmoid(w["fresh"] + r["fresh"])
    candidate = torch.tanh(w["candidate"] + fresh * r["candidate"])
    h = (1 - fresh) * h + fresh * candidate
    return (h,), {"fresh": fresh, "candidate": candidate, "hidden": h}


OVERWRITE = CellSpec(
    name="made_up_overwrite",
    packing=("fresh", "candidate"),
    states=("hidden",),
    recorded=("fresh", "candidate", "hidden"),
    step=overwrite,
    write_gate="fresh",  # the factor that keeps is 1 - fresh
)


def leaky_pair(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Two states and a gate that keeps."""
    _, slow = state
    pre = PAIR.split(wx + rh)
    keep = torch.sigmoid(pre["keep"])
    candidate = torch.tanh(pre["candidate"])
    slow = keep * slow + (1 - keep) * candidate
    h = torch.tanh(slow)
    return (h, slow), {"keep": keep, "candidate": candidate, "slow": slow, "hidden": h}


PAIR = CellSpec(
    name="made_up_pair",
    packing=("candidate", "keep"),
    states=("hidden", "slow"),
    recorded=("keep", "candidate", "slow", "hidden"),
    step=leaky_pair,
    keep_gate="keep",
)


def geared(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Parameters beside weights and biases."""
    gain, peephole = parameters.extra["gain"], parameters.extra["peephole"]
    h = torch.tanh(gain * (wx + rh) + peephole * state[0])
    return (h,), {"hidden": h}


GEARED = CellSpec(
    name="made_up_geared",
    packing=("hidden",),
    states=("hidden",),
    recorded=("hidden",),
    step=geared,
    extra=(ExtraParameter("gain", ("G*H",), 1.0), ExtraParameter("peephole", ("H",))),
)


def normalised(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Three states, of which the second is the one that keeps: a sum, and the sum of its weights."""
    _, total, weight = state
    pre = TRIO.split(wx + rh)
    keep, write = torch.sigmoid(pre["keep"]), torch.exp(pre["write"])
    candidate = torch.tanh(pre["candidate"])
    total = keep * total + write * candidate
    weight = keep * weight + write
    h = total / (1 + weight.abs())
    gates = {"keep": keep, "write": write, "candidate": candidate}
    return (h, total, weight), {**gates, "total": total, "weight": weight, "hidden": h}


TRIO = CellSpec(
    name="made_up_trio",
    packing=("keep", "write", "candidate"),
    states=("hidden", "total", "weight"),
    recorded=("keep", "write", "candidate", "total", "weight", "hidden"),
    step=normalised,
    keep_gate="keep",
    write_gate="write",
    carrier="total",
    fractions=("keep",),  # the other one is exponential
)


def leaky(
    wx: Tensor, rh: Tensor, state: State, parameters: Parameters
) -> tuple[State, dict[str, Tensor]]:
    """Each unit keeps a share that is a parameter: a gate that keeps and is no block of the weights."""
    (h,) = state
    keep = parameters.extra["leak"].sigmoid().expand_as(h)
    candidate = torch.tanh(wx + rh)
    h = keep * h + (1 - keep) * candidate
    return (h,), {"keep": keep, "candidate": candidate, "hidden": h}


LEAKY = CellSpec(
    name="made_up_leaky",
    packing=("candidate",),
    states=("hidden",),
    recorded=("keep", "candidate", "hidden"),
    step=leaky,
    keep_gate="keep",
    extra=(ExtraParameter("leak", ("H",), 1.0),),
)

MADE_UP = {spec.name: spec for spec in (OVERWRITE, PAIR, GEARED, TRIO)}
