"""Networks in other people's files: ONNX, out and in."""

from __future__ import annotations

from gatewise.interchange.reading import from_onnx
from gatewise.interchange.writing import to_onnx

__all__ = ["from_onnx", "to_onnx"]
