"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
    )
    op.create_table(
        "licences",
        sa.Column("digest", sa.String(), nullable=False, comment="SHA-256, hex"),
        sa.Column("toy_id", sa.String(), nullable=False, comment="its toy, which exists once it was switched on"),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_licences")),
        sa.UniqueConstraint("toy_id", name=op.f("uq_licences_toy_id")),
    )
    op.create_table(
        "parties",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parties")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False, comment="the log-in name, case folded"),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["parties.id"], name=op.f("fk_accounts_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name_key", name=op.f("uq_accounts_name_key")),
    )
    op.create_table(
        "claims",
        sa.Column("toy_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["toy_id"], ["parties.id"], name=op.f("fk_claims_toy_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("toy_id", name=op.f("pk_claims")),
        sa.UniqueConstraint("code", name=op.f("uq_claims_code")),
    )
    op.create_table(
        "contacts",
        sa.Column("lower_id", sa.String(), nullable=False),
        sa.Column("upper_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="asked, agreed or blocked"),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["lower_id"], ["parties.id"], name=op.f("fk_contacts_lower_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["upper_id"], ["parties.id"], name=op.f("fk_contacts_upper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lower_id", "upper_id", name=op.f("pk_contacts")),
        comment="each pair once, the smaller id first",
    )
    op.create_index(op.f("ix_contacts_upper_id"), "contacts", ["upper_id"], unique=False)
    op.create_table(
        "guardians",
        sa.Column("toy_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["parties.id"], name=op.f("fk_guardians_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["toy_id"], ["parties.id"], name=op.f("fk_guardians_toy_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("toy_id", "account_id", name=op.f("pk_guardians")),
    )
    op.create_index(op.f("ix_guardians_account_id"), "guardians", ["account_id"], unique=False)
    op.create_table(
        "mailboxes",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["parties.id"], name=op.f("fk_mailboxes_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_mailboxes")),
        comment="one row counts up per recipient, so positions are seen in the order they were given",
    )
    op.create_table(
        "members",
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("party_id", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name=op.f("fk_members_group_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_members_party_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id", "party_id", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_party_id"), "members", ["party_id"], unique=False)
    op.create_table(
        "messages",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
            comment="order of acceptance",
        ),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sender_id", sa.String(), nullable=False),
        sa.Column("conversation", sa.String(), nullable=False),
        sa.Column("to_user", sa.String(), nullable=True),
        sa.Column("to_group", sa.String(), nullable=True),
        sa.Column("ref", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=True, comment="null for a voice message"),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=False, comment="whose turn in conversion it is"),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("waveform", sa.LargeBinary(), nullable=True, comment="one byte a bar"),
        sa.Column("failure", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["sender_id"], ["parties.id"], name=op.f("fk_messages_sender_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["to_group"], ["groups.id"], name=op.f("fk_messages_to_group"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["to_user"], ["parties.id"], name=op.f("fk_messages_to_user"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_messages")),
        sa.UniqueConstraint("id", name=op.f("uq_messages_id")),
        sa.UniqueConstraint("sender_id", "ref", name=op.f("uq_messages_sender_id_ref")),
    )
    op.create_index(op.f("ix_messages_to_group"), "messages", ["to_group"], unique=False)
    op.create_index(op.f("ix_messages_to_user"), "messages", ["to_user"], unique=False)
    op.create_index(
        "ix_messages_unpublished",
        "messages",
        ["conversation", "seq"],
        unique=False,
        sqlite_where=sa.text("state IN ('accepted', 'converted')"),
        postgresql_where=sa.text("state IN ('accepted', 'converted')"),
    )
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(), nullable=False, comment="SHA-256, hex"),
        sa.Column("party_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, comment="what it speaks for, see PartyKind"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["parties.id"], name=op.f("fk_tokens_party_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_tokens")),
    )
    op.create_index(op.f("ix_tokens_party_id"), "tokens", ["party_id"], unique=False)
    op.create_table(
        "toys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("child_name", sa.String(), server_default="", nullable=False),
        sa.Column("volume_cap", sa.Integer(), server_default="80", nullable=False, comment="percent"),
        sa.Column("bound_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["parties.id"], name=op.f("fk_toys_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_toys")),
    )
    op.create_table(
        "deliveries",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("recipient_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True, comment="place in the mailbox; null until published"),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("heard_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_deliveries_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["parties.id"], name=op.f("fk_deliveries_recipient_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "recipient_id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("recipient_id", "position", name=op.f("uq_deliveries_recipient_id_position")),
    )
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["recipient_id", "position"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
