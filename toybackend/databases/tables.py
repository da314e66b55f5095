"""The tables. `migrations/` makes them in a database; a test proves that both agree.

Times are milliseconds since the Unix epoch. Secrets are here only as SHA-256 (tokens, licences) or argon2id
(passwords). Every row that belongs to somebody goes with them (`ON DELETE CASCADE`).
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    false,
    text,
    true,
)
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


def _party(
    name: str, *, primary_key: bool = False, index: bool = False, nullable: bool = False, ondelete: str = "CASCADE"
) -> Column[str]:
    reference = ForeignKey("parties.id", ondelete=ondelete)
    return Column(name, String, reference, nullable=nullable, primary_key=primary_key, index=index or None)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _bytes(name: str, comment: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0", comment=comment)


def _crashes() -> Column[int]:
    return Column("crashes", Integer, nullable=False, server_default="0", comment="of ours, during its conversion")


parties = Table(
    "parties",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    _bytes("kept_bytes", "of sound: of what it said, and of its own songs; see `kept.py`"),
)

accounts = Table(
    "accounts",
    metadata,
    _party("id", primary_key=True),
    Column("name_key", String, nullable=False, unique=True, comment="the log-in name, case folded"),
    Column("password_hash", String, nullable=False),
    _time("created_at"),
    Column("is_operator", Boolean, nullable=False, server_default=false()),
)

invitations = Table(
    "invitations",
    metadata,
    Column("digest", String, primary_key=True, comment="SHA-256, hex, of the code"),
    _time("expires_at"),
    comment="to register; a row goes when it is used",
)

devices = Table(
    "devices",
    metadata,
    Column("digest", String, primary_key=True, comment="SHA-256 of the licence, hex"),
    Column("id", String, nullable=False, unique=True, comment="the fingerprint of that, for people and boards"),
    Column("toy_id", String, nullable=True, unique=True, comment="who it is now; another one after every family"),
    _time("issued_at"),
    _time("revoked_at", nullable=True),
)

used_nonces = Table(
    "used_nonces",
    metadata,
    Column("nonce", String, primary_key=True),
    _time("expires_at"),
    comment="challenges that were answered; a second answer is a replay",
)
Index("ix_used_nonces_expires_at", used_nonces.c.expires_at)

toys = Table(
    "toys",
    metadata,
    _party("id", primary_key=True),
    Column("child_name", String, nullable=False, server_default=""),
    Column("volume_cap", Integer, nullable=False, server_default="80", comment="percent"),
    _time("bound_at", nullable=True),
    Column("picture", String, nullable=False, server_default=""),
    Column("colour", String, nullable=False, server_default=""),
    Column("time_zone", String, nullable=False, server_default="UTC", comment="IANA name"),
    Column("quiet_hours", JSON, nullable=False, server_default="[]", comment="[[days, start, end], …] in minutes"),
    Column("daily_limit_minutes", Integer, nullable=True),
    _time("paused_at", nullable=True),
    _time("heard_at", nullable=True),
    Column("autoplay", Boolean, nullable=False, server_default=true()),
)

claims = Table(
    "claims",
    metadata,
    _party("toy_id", primary_key=True),
    Column("code", String, nullable=False, unique=True),
    _time("expires_at"),
    _party("opened_by", nullable=True),
    _party("used_by", nullable=True),
    comment="a used one stays until it expires: whoever used it may ask again and gets the same answer",
)

guardians = Table(
    "guardians",
    metadata,
    _party("toy_id", primary_key=True),
    _party("account_id", primary_key=True, index=True),
    Column("role", String, nullable=False, server_default="owner", comment="see GuardianRole"),
    _time("since"),
)

consents = Table(
    "consents",
    metadata,
    _party("toy_id", primary_key=True),
    Column("given_at", BigInteger, primary_key=True),
    _party("given_by", index=True),
    Column("version", String, nullable=False),
    _time("withdrawn_at", nullable=True),
)
contacts = Table(
    "contacts",
    metadata,
    _party("lower_id", primary_key=True),
    _party("upper_id", primary_key=True, index=True),
    Column("id", String, nullable=False, unique=True),
    Column("state", String, nullable=False, comment="asked or agreed"),
    Column("asked_by", String, nullable=False, comment="one of the two"),
    Column("lower_nickname", String, nullable=False, server_default="", comment="what the lower calls the upper"),
    Column("upper_nickname", String, nullable=False, server_default=""),
    Column("lower_blocks", Boolean, nullable=False, server_default=false()),
    Column("upper_blocks", Boolean, nullable=False, server_default=false()),
    _time("since"),
    comment="each pair once, the smaller id first",
)

groups = Table(
    "groups",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    _time("created_at"),
    Column("kind", String, nullable=False, server_default="custom", comment="see GroupKind"),
    _party("owner_id", nullable=True, index=True, ondelete="SET NULL"),
    _party("toy_id", nullable=True, index=True),
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
    Column("session_id", String, nullable=False, server_default="", comment="what a person calls it by"),
    Column("label", String, nullable=False, server_default=""),
    Column("since", BigInteger, nullable=False, server_default="0"),
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
    Column("is_urgent", Boolean, nullable=False, server_default=false()),
    _time("settled_at", nullable=True),
    Column("has_original", Boolean, nullable=False, server_default=false(), comment="the recording itself is kept"),
    _bytes("original_bytes", "of the recording as it came; 0 where nobody counted them"),
    _bytes("mp3_bytes", "0 until it is converted, or where nobody counted them"),
    _crashes(),
    Unique("sender_id", "ref"),
)
Index("ix_messages_said", messages.c.sender_id, messages.c.conversation, messages.c.seq)
Index("ix_messages_accepted_at", messages.c.accepted_at)
Index(
    "ix_messages_originals",
    messages.c.settled_at,
    sqlite_where=text("has_original = 1"),
    postgresql_where=text("has_original"),
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
    Column("conversation", String, nullable=False, server_default="", comment="its message's, to find chats by"),
    Column("seq", BigInteger, nullable=False, server_default="0", comment="its message's, to page by"),
    Unique("recipient_id", "position"),
)
Index(
    "ix_deliveries_waiting",
    deliveries.c.recipient_id,
    deliveries.c.position,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)

Index(
    "ix_deliveries_unheard",
    deliveries.c.recipient_id,
    deliveries.c.conversation,
    sqlite_where=text("state <> 'heard'"),
    postgresql_where=text("state <> 'heard'"),
)
Index(
    "ix_deliveries_got",
    deliveries.c.recipient_id,
    deliveries.c.conversation,
    deliveries.c.seq,
    deliveries.c.position,
    sqlite_where=text("position IS NOT NULL"),
    postgresql_where=text("position IS NOT NULL"),
)

mailboxes = Table(
    "mailboxes",
    metadata,
    _party("owner_id", primary_key=True),
    Column("last_position", BigInteger, nullable=False),
    comment="one row counts up per recipient, so positions are seen in the order they were given",
)

items = Table(
    "items",
    metadata,
    Column("id", String, primary_key=True),
    _party("owner_id", nullable=True, index=True),
    Column("title", String, nullable=False),
    Column("category", String, nullable=False),
    Column("state", String, nullable=False, comment="see ItemState"),
    _time("added_at"),
    Column("duration_ms", Integer, nullable=True),
    Column("failure", String, nullable=True),
    Column("cover", LargeBinary, nullable=True, comment="a small JPEG"),
    _bytes("kept_bytes", "of the recording, and once it is converted of the MP3"),
    _crashes(),
    comment="songs and stories; without an owner they are on the operator's shelf",
)

plays = Table(
    "plays",
    metadata,
    Column("id", String, primary_key=True),
    _party("toy_id"),
    Column("item_id", String, ForeignKey("items.id", ondelete="CASCADE"), nullable=False, index=True),
    _time("started_at"),
    _time("stopped_at", nullable=True),
)
Index("ix_plays_toy", plays.c.toy_id, plays.c.started_at)
Index("ix_plays_started_at", plays.c.started_at)
Index(
    "ix_plays_open",
    plays.c.toy_id,
    sqlite_where=text("stopped_at IS NULL"),
    postgresql_where=text("stopped_at IS NULL"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("name", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
    comment="counts up when something changes that open sockets must learn of, whoever changed it",
)
