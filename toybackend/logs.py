"""Logging: one line an event, to standard error, `time level room: what key=value …`.

No line carries a voice, a token, a licence, a password, a signed link or a whole id; nothing that holds one is ever
passed to a logger.
"""

from __future__ import annotations

import logging
import sys

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """Appends what a record carries as `extra`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # the name is logging's
        extras = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        return super().formatMessage(record) + "".join(f" {key}={value}" for key, value in extras.items())


def set_up(level: str) -> None:
    """Send our log to standard error. Raises ValueError for a level that does not exist."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # A line per handshake is ours to write (`gateway/server.py`); one per migration step nobody needs.
    logging.getLogger("toybackend.websockets").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
