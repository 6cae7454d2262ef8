"""The devices that torch can compute on here, and what to do where one of them is missing."""

from __future__ import annotations

import os

import torch

from gatewise.errors import cause

AUTO = "auto"
"""The first GPU where torch finds one, else the CPU."""


def found_here(device: str) -> str:
    """Return the name of a device, "auto" replaced by what torch finds: "cuda" or "cpu"."""
    if device != AUTO:
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def why_not_here(device: torch.device | str | None) -> str:
    """Return why torch cannot compute on a device here, with the fix, or an empty string.

    Nothing is computed: a value is kept there and, but on the meta device, nothing more.
    """
    try:
        torch.empty(0, dtype=torch.float32, device=device)
    except Exception as error:  # each back end fails in its own way
        kind = str(device).partition(":")[0]
        return _without_cuda(str(device)) if kind == "cuda" else cause(error)[:200]
    return ""


def _without_cuda(device: str) -> str:
    """Say what there is of CUDA, of a device that torch refuses."""
    version = torch.__version__
    if torch.version.cuda is None and torch.version.hip is None:
        return (
            f"torch {version} is built without CUDA; install a build of torch with CUDA "
            "(docs/cuda.md says how), or compute on the CPU"
        )
    count = torch.cuda.device_count()
    if count == 0:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = (
            "the machine shows it no GPU or no driver"
            if hidden is None
            else (f"CUDA_VISIBLE_DEVICES={hidden!r} shows it none")
        )
        return (
            f"torch {version} finds no CUDA device: {why}; compute on the CPU, or see `nvidia-smi`"
        )
    named = ", ".join(f"cuda:{at} ({torch.cuda.get_device_name(at)})" for at in range(count))
    return f"torch finds {named} and no {device!r}; name one of these"
