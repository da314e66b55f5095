"""Where time and ids come from: from whoever composes the house, so that tests can stop the one and name the other."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], int]
"""Milliseconds since the Unix epoch."""

NewId = Callable[[str], str]
"""A fresh random id with the given prefix, e.g. `new_id("m")` → `m_…`."""
