"""Families: devices apart from toys, guardians' roles, contacts with two sides, groups, a library, consent."""

from __future__ import annotations

import base64
import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BATCH = 1000


def upgrade() -> None:
    _devices()
    _grown_ups()
    _toys()
    _contacts()
    _groups()
    _messages()
    _library()


def _devices() -> None:
    """A licence used to name its toy for life; now it is a device, which is another toy in every family."""
    op.create_table(
        "devices",
        sa.Column("digest", sa.String(), nullable=False, comment="SHA-256 of the licence, hex"),
        sa.Column("id", sa.String(), nullable=False, comment="the fingerprint of that, for people and boards"),
        sa.Column("toy_id", sa.String(), nullable=True, comment="who it is now; another one after every family"),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_devices")),
        sa.UniqueConstraint("id", name=op.f("uq_devices_id")),
        sa.UniqueConstraint("toy_id", name=op.f("uq_devices_toy_id")),
    )
    connection = op.get_bind()
    old = sa.table("licences", *(sa.column(name) for name in ("digest", "toy_id", "issued_at", "revoked_at")))
    toys = sa.table("toys", sa.column("id"))
    new = sa.table("devices", *(sa.column(name) for name in ("digest", "id", "toy_id", "issued_at", "revoked_at")))
    found = connection.execute(
        sa.select(old.c.digest, toys.c.id.label("toy_id"), old.c.issued_at, old.c.revoked_at).join_from(
            old, toys, toys.c.id == old.c.toy_id, isouter=True
        )
    ).mappings()
    for batch in found.partitions(BATCH):
        connection.execute(sa.insert(new), [{**row, "id": _fingerprint(row["digest"])} for row in batch])
    op.drop_table("licences")
    op.create_table(
        "used_nonces",
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_used_nonces")),
    )
    op.create_index("ix_used_nonces_expires_at", "used_nonces", ["expires_at"])


def _fingerprint(digest: str) -> str:
    """As `services/devices.py` makes it, at the time of this migration."""
    try:
        once_more = hashlib.sha256(bytes.fromhex(digest)).digest()
    except ValueError:
        once_more = hashlib.sha256(digest.encode()).digest()
    return "d_" + base64.b32encode(once_more).decode().lower()[:20]


def _grown_ups() -> None:
    op.add_column("accounts", sa.Column("is_operator", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "invitations",
        sa.Column("digest", sa.String(), nullable=False, comment="SHA-256, hex, of the code"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_invitations")),
    )
    op.add_column("tokens", sa.Column("session_id", sa.String(), nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("label", sa.String(), nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("since", sa.BigInteger(), nullable=False, server_default="0"))
    # Whoever is logged in may end that from elsewhere; tokens lived thirty days, unless a setting said otherwise.
    op.execute(
        "UPDATE tokens SET session_id = 's_' || lower(hex(randomblob(10))), since = expires_at - 2592000000"
        " WHERE kind = 'person'"
    )
    op.create_table(
        "revisions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_revisions")),
    )


def _toys() -> None:
    for column in (
        sa.Column("picture", sa.String(), nullable=False, server_default=""),
        sa.Column("colour", sa.String(), nullable=False, server_default=""),
        sa.Column("time_zone", sa.String(), nullable=False, server_default="UTC"),
        sa.Column("quiet_hours", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("daily_limit_minutes", sa.Integer(), nullable=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("heard_at", sa.BigInteger(), nullable=True),
    ):
        op.add_column("toys", column)
    op.add_column("guardians", sa.Column("role", sa.String(), nullable=False, server_default="owner"))
    # Of several guardians the first becomes the owner.
    op.execute(
        "UPDATE guardians SET role = 'co_guardian' WHERE EXISTS (SELECT 1 FROM guardians AS other"
        " WHERE other.toy_id = guardians.toy_id AND (other.since < guardians.since"
        " OR other.since = guardians.since AND other.account_id < guardians.account_id))"
    )
    op.drop_table("claims")  # they live for minutes: a waiting toy shows a new one
    op.create_table(
        "claims",
        sa.Column("toy_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.String(), nullable=True),
        sa.Column("used_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["toy_id"], ["parties.id"], name=op.f("fk_claims_toy_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["opened_by"], ["parties.id"], name=op.f("fk_claims_opened_by"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["used_by"], ["parties.id"], name=op.f("fk_claims_used_by"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("toy_id", name=op.f("pk_claims")),
        sa.UniqueConstraint("code", name=op.f("uq_claims_code")),
    )
    op.create_table(
        "consents",
        sa.Column("toy_id", sa.String(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["toy_id"], ["parties.id"], name=op.f("fk_consents_toy_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["given_by"], ["parties.id"], name=op.f("fk_consents_given_by"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("toy_id", "given_at", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_given_by", "consents", ["given_by"])


def _contacts() -> None:
    op.rename_table("contacts", "old_contacts")
    op.drop_index("ix_contacts_upper_id", "old_contacts")
    op.create_table(
        "contacts",
        sa.Column("lower_id", sa.String(), nullable=False),
        sa.Column("upper_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="asked or agreed"),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("lower_nickname", sa.String(), nullable=False, server_default=""),
        sa.Column("upper_nickname", sa.String(), nullable=False, server_default=""),
        sa.Column("lower_blocks", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("upper_blocks", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["lower_id"], ["parties.id"], name=op.f("fk_contacts_lower_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["upper_id"], ["parties.id"], name=op.f("fk_contacts_upper_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("lower_id", "upper_id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("id", name=op.f("uq_contacts_id")),
    )
    op.create_index("ix_contacts_upper_id", "contacts", ["upper_id"])
    # Nothing could block until now; who had asked was not written down, so only what was agreed stays.
    op.execute(
        "INSERT INTO contacts (lower_id, upper_id, id, state, asked_by, since)"
        " SELECT lower_id, upper_id, 'c_' || lower(hex(randomblob(10))), 'agreed', lower_id, since"
        " FROM old_contacts WHERE state = 'agreed'"
    )
    op.drop_table("old_contacts")


def _groups() -> None:
    """Made anew: until now there was no way to make a group, so there are none."""
    op.drop_table("groups")
    op.create_table(
        "groups",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False, server_default="custom", comment="see GroupKind"),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("toy_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["parties.id"], name=op.f("fk_groups_owner_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["toy_id"], ["parties.id"], name=op.f("fk_groups_toy_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
    )
    op.create_index("ix_groups_owner_id", "groups", ["owner_id"])
    op.create_index("ix_groups_toy_id", "groups", ["toy_id"])
    # A family's group comes with its toy, from now on and for those that have one already.
    op.execute(
        "INSERT INTO groups (id, name, created_at, kind, toy_id)"
        " SELECT 'g' || substr(toys.id, 2), parties.name, toys.bound_at, 'family', toys.id"
        " FROM toys JOIN parties ON parties.id = toys.id WHERE toys.bound_at IS NOT NULL"
    )
    op.execute(
        "INSERT INTO members (group_id, party_id, since)"
        " SELECT 'g' || substr(id, 2), id, bound_at FROM toys WHERE bound_at IS NOT NULL"
        " UNION SELECT 'g' || substr(toy_id, 2), account_id, since FROM guardians"
    )


def _messages() -> None:
    op.add_column("messages", sa.Column("is_urgent", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("messages", sa.Column("settled_at", sa.BigInteger(), nullable=True))
    op.add_column("messages", sa.Column("has_original", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Until now nothing was ever thrown away, and no time of conversion was noted: the time of acceptance is close.
    op.execute("UPDATE messages SET has_original = 1 WHERE text IS NULL AND state <> 'failed'")
    op.execute("UPDATE messages SET settled_at = accepted_at, family = '' WHERE state <> 'accepted'")
    op.create_index("ix_messages_said", "messages", ["sender_id", "conversation", "seq"])
    op.create_index("ix_messages_accepted_at", "messages", ["accepted_at"])
    op.create_index(
        "ix_messages_originals",
        "messages",
        ["settled_at"],
        sqlite_where=sa.text("has_original = 1"),
        postgresql_where=sa.text("has_original"),
    )
    op.add_column("deliveries", sa.Column("conversation", sa.String(), nullable=False, server_default=""))
    op.add_column("deliveries", sa.Column("seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE deliveries SET (conversation, seq) ="
        " (SELECT messages.conversation, messages.seq FROM messages WHERE messages.id = deliveries.message_id)"
    )
    op.create_index(
        "ix_deliveries_unheard",
        "deliveries",
        ["recipient_id", "conversation"],
        sqlite_where=sa.text("state <> 'heard'"),
        postgresql_where=sa.text("state <> 'heard'"),
    )
    op.create_index(
        "ix_deliveries_got",
        "deliveries",
        ["recipient_id", "conversation", "seq", "position"],
        sqlite_where=sa.text("position IS NOT NULL"),
        postgresql_where=sa.text("position IS NOT NULL"),
    )


def _library() -> None:
    op.create_table(
        "items",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, comment="see ItemState"),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("cover", sa.LargeBinary(), nullable=True, comment="a small JPEG"),
        sa.ForeignKeyConstraint(["owner_id"], ["parties.id"], name=op.f("fk_items_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
    )
    op.create_index("ix_items_owner_id", "items", ["owner_id"])
    op.create_table(
        "plays",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("toy_id", sa.String(), nullable=False),
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["toy_id"], ["parties.id"], name=op.f("fk_plays_toy_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_plays_item_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plays")),
    )
    op.create_index("ix_plays_item_id", "plays", ["item_id"])
    op.create_index("ix_plays_toy", "plays", ["toy_id", "started_at"])
    op.create_index("ix_plays_started_at", "plays", ["started_at"])
    op.create_index(
        "ix_plays_open",
        "plays",
        ["toy_id"],
        sqlite_where=sa.text("stopped_at IS NULL"),
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
