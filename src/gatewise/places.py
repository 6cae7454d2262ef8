"""What people call a layer and a direction; indices, in Python and in JSON, count from 0."""

from __future__ import annotations

from typing import SupportsInt

DIRECTIONS = ("forward", "reverse")
"""What directions are called, by their index."""


def layer_name(index: SupportsInt) -> str:
    """Return what people call the layer at an index: "layer 1" for 0."""
    return f"layer {int(index) + 1}"
