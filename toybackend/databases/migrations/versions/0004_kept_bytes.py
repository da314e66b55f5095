"""How many bytes of sound are kept for everybody. What was there before was not counted, and never will be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table, name in (
        ("parties", "kept_bytes"),
        ("messages", "original_bytes"),
        ("messages", "mp3_bytes"),
        ("items", "kept_bytes"),
    ):
        op.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
