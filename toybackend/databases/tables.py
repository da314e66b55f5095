"""The tables. `migrations/` makes them in a database; a test proves that both agree.

Times are milliseconds since the Unix epoch. Secrets are here only as SHA-256 (tokens, licences) or argon2id
(passwords). Every row that belongs to somebody goes with them (`ON DELETE CASCADE`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, text
from sqlalchemy import UniqueConstraint as Unique

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only in a column that is spelled INTEGER; PostgreSQL should have 64 bits.
Sequence = BigInteger().with_variant(Integer, "sqlite")


def _party(name: str, *, primary_key: bool = False, index: bool = False) -> Column[str]:
    reference = ForeignKey("parties.id", ondelete="CASCADE")
    return Column(name, String, reference, nullable=False, primary_key=primary_key, index=index or None)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


parties = Table(
    "parties",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    _party("id", primary_key=True),
    Column("name_key", String, nullable=False, unique=True, comment="the log-in name, case folded"),
    Column("password_hash", String, nullable=False),
    _time("created_at"),
)

licences = Table(
    "licences",
    metadata,
    Column("digest", String, primary_key=True, comment="SHA-256, hex"),
    Column("toy_id", String, nullable=False, unique=True, comment="its toy, which exists once it was switched on"),
    _time("issued_at"),
    _time("revoked_at", nullable=True),
)

toys = Table(
    "toys",
    metadata,
    _party("id", primary_key=True),
    Column("child_name", String, nullable=False, server_default=""),
    Column("volume_cap", Integer, nullable=False, server_default="80", comment="percent"),
    _time("bound_at", nullable=True),
)

claims = Table(
    "claims",
    metadata,
    _party("toy_id", primary_key=True),
    Column("code", String, nullable=False, unique=True),
    _time("expires_at"),
)

guardians = Table(
    "guardians",
    metadata,
    _party("toy_id", primary_key=True),
    _party("account_id", primary_key=True, index=True),
    _time("since"),
)

contacts = Table(
    "contacts",
    metadata,
    _party("lower_id", primary_key=True),
    _party("upper_id", primary_key=True, index=True),
    Column("state", String, nullable=False, comment="asked, agreed or blocked"),
    _time("since"),
    comment="each pair once, the smaller id first",
)

groups = Table(
    "groups",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    _time("created_at"),
)

members = Table(
    "members",
    metadata,
    Column("group_id", String, ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
    _party("party_id", primary_key=True, index=True),
    _time("since"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String, primary_key=True, comment="SHA-256, hex"),
    _party("party_id", index=True),
    Column("kind", String, nullable=False, comment="what it speaks for, see PartyKind"),
    _time("expires_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True, comment="order of acceptance"),
    Column("id", String, nullable=False, unique=True),
    _party("sender_id"),
    Column("conversation", String, nullable=False),
    Column("to_user", String, ForeignKey("parties.id", ondelete="CASCADE"), nullable=True, index=True),
    Column("to_group", String, ForeignKey("groups.id", ondelete="CASCADE"), nullable=True, index=True),
    Column("ref", String, nullable=True),
    Column("text", String, nullable=True, comment="null for a voice message"),
    Column("state", String, nullable=False),
    Column("family", String, nullable=False, comment="whose turn in conversion it is"),
    _time("accepted_at"),
    Column("duration_ms", Integer, nullable=True),
    Column("waveform", LargeBinary, nullable=True, comment="one byte a bar"),
    Column("failure", String, nullable=True),
    Unique("sender_id", "ref"),
)
Index(
    "ix_messages_unpublished",
    messages.c.conversation,
    messages.c.seq,
    sqlite_where=text("state IN ('accepted', 'converted')"),
    postgresql_where=text("state IN ('accepted', 'converted')"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("message_id", String, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    _party("recipient_id", primary_key=True),
    Column("position", BigInteger, nullable=True, comment="place in the mailbox; null until published"),
    Column("state", String, nullable=False),
    _time("delivered_at", nullable=True),
    _time("heard_at", nullable=True),
    Unique("recipient_id", "position"),
)
Index(
    "ix_deliveries_waiting",
    deliveries.c.recipient_id,
    deliveries.c.position,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)

mailboxes = Table(
    "mailboxes",
    metadata,
    _party("owner_id", primary_key=True),
    Column("last_position", BigInteger, nullable=False),
    comment="one row counts up per recipient, so positions are seen in the order they were given",
)
