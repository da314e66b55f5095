"""A toy plays new messages by itself, as every toy did until now, or waits for a press."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("toys", sa.Column("autoplay", sa.Boolean(), nullable=False, server_default=sa.true()))
