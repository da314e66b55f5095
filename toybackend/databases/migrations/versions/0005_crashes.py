"""How often the server died in the middle of a conversion, see `services/suspects.py`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for table in ("messages", "items"):
        op.add_column(table, sa.Column("crashes", sa.Integer(), nullable=False, server_default="0"))
