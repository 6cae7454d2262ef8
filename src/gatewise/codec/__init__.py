"""Sensor series as few messages: both sides forecast alike, and only misses are sent."""

from __future__ import annotations

from gatewise.codec.codec import EventCodec

__all__ = ["EventCodec"]
