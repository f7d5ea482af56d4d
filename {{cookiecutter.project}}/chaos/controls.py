"""Negative controls: variants that lose data on purpose, and the proof that the checker notices each of them."""

from __future__ import annotations

CONTROLS: dict[str, object] = {}
