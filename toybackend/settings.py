"""Every setting: one frozen tree, read once from `TOYBACKEND_…` environment variables.

The field is the only place that knows a setting's name, default, unit and consequence: parsing, the command
line's help and the table in the README all come from here, and a test holds them together.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

from toybackend.errors import BadSettings

PREFIX = "TOYBACKEND_"


def setting(name: str, default: Any, doc: str, *, least: float = -math.inf, most: float = math.inf) -> Any:
    """A field that is read from `TOYBACKEND_<name>`; `doc` says its unit and what happens at its edge."""
    return field(default=default, metadata={"name": name, "doc": doc, "range": (least, most)})


@dataclass(frozen=True, slots=True)
class Network:
    """Where we listen and what we are called."""

    host: str = setting("HOST", "127.0.0.1", "Address both listeners bind to.")
    http_port: int = setting("HTTP_PORT", 9527, "HTTP port; 0 takes any free one.", least=0, most=65535)
    ws_port: int = setting("WS_PORT", 9528, "WebSocket port; 0 takes any free one.", least=0, most=65535)
    metrics_host: str = setting("METRICS_HOST", "127.0.0.1", "Address that metrics are served on; keep it private.")
    metrics_port: int = setting(
        "METRICS_PORT", 0, "Port of `/metrics` for Prometheus; 0 takes any free one and logs it.", least=0, most=65535
    )
    public_url: str = setting(
        "PUBLIC_URL",
        "",
        "The HTTP address others use, e.g. behind a reverse proxy; empty means whatever name a request came by, and"
        " `http://HOST:HTTP_PORT` in links that are pushed.",
    )
    public_ws_url: str = setting(
        "PUBLIC_WS_URL",
        "",
        "The WebSocket address others use; empty means the name a request came by with `WS_PORT`, and `ws://HOST:WS_PORT`"
        " where `PUBLIC_URL` is named.",
    )
    allowed_origins: tuple[str, ...] = setting(
        "ALLOWED_ORIGINS", (), "Further origins, separated by commas, whose pages may open sockets; our own always may."
    )
    trusted_proxies: tuple[str, ...] = setting(
        "TRUSTED_PROXIES",
        (),
        "Addresses of reverse proxies in front of us, separated by commas; their `X-Forwarded-For` says who asks.",
    )
    insecure_bind: bool = setting(
        "INSECURE_BIND", False, "Allow listening beyond this machine without `PUBLIC_URL` being https."
    )


@dataclass(frozen=True, slots=True)
class Storage:
    """Where things are kept."""

    data_dir: Path = setting(
        "DATA_DIR",
        Path("data"),
        "Folder of database, audio and secrets; made with mode 0700, and refused when others can look into it.",
    )
    database_url: str = setting("DATABASE_URL", "", "SQLAlchemy address; empty means SQLite in the data folder.")
    audio_store_url: str = setting("AUDIO_STORE_URL", "", "Where audio is kept; empty means files in the data folder.")
    bus_url: str = setting("BUS_URL", "", "How nodes wake each other; empty means within this process.")
    secret_key_file: str = setting(
        "SECRET_KEY_FILE",
        "",
        "Key that signs audio links; empty means `secret.key` in the data folder, made on first start.",
    )
    min_free_bytes: int = setting(
        "MIN_FREE_BYTES", 64 << 20, "Free disk space in bytes below which audio is refused as `overloaded`.", least=0
    )


@dataclass(frozen=True, slots=True)
class Audio:
    """What a voice message may be."""

    max_bytes: int = setting(
        "MAX_AUDIO_BYTES",
        2 << 20,
        "Largest voice message in bytes; more is `audio_too_large`, four times more closes 1009.",
        least=1,
    )
    max_seconds: int = setting(
        "MAX_AUDIO_SECONDS", 120, "Longest voice message in seconds; more is `audio_too_long`.", least=1
    )
    max_text: int = setting("MAX_TEXT", 2000, "Longest text message in characters; more is `too_long`.", least=1)
    link_seconds: int = setting(
        "LINK_SECONDS",
        86_400,
        "How long the signed link in a `voice` frame works, in seconds; a bearer token always does.",
        least=1,
    )


class Confinement(StrEnum):
    """Whether ffmpeg runs without network and without files beyond its own."""

    AUTO = "auto"
    REQUIRED = "required"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Conversion:
    """How ffmpeg is run."""

    ffmpeg: str = setting("FFMPEG", "", "Path of the ffmpeg to use; empty means our build, the wheel's, then PATH.")
    workers: int = setting("CONVERT_WORKERS", 0, "Conversions at the same time; 0 means one per core.", least=0)
    express_bytes: int = setting(
        "EXPRESS_BYTES",
        48 << 10,
        "Recordings up to this many bytes have one more conversion to themselves, and wait for no longer one; 0 means"
        " that they have not.",
        least=0,
    )
    deadline_seconds: float = setting(
        "CONVERT_SECONDS",
        20.0,
        "Seconds one run of ffmpeg may take before it is killed and the clip refused.",
        least=0.1,
    )
    memory_bytes: int = setting(
        "CONVERT_MEMORY_BYTES", 512 << 20, "Address space of one ffmpeg in bytes; more and it dies.", least=1 << 20
    )
    max_waiting: int = setting(
        "MAX_WAITING",
        2000,
        "Voices that may wait for their conversion; one more is `overloaded`. Texts go through.",
        least=1,
    )
    waiting_per_family: int = setting(
        "WAITING_PER_FAMILY", 100, "How many of those may be of one family; one more is `overloaded`.", least=1
    )
    sandbox: Confinement = setting(
        "CONVERT_SANDBOX",
        Confinement.AUTO,
        "No network and no file outside its folder for ffmpeg: `auto` as far as the kernel can, `required` or we do not"
        " start, `off`; `doctor` says what holds.",
    )
    retry_seconds: int = setting(
        "CONVERT_RETRY_SECONDS",
        5,
        "Seconds between tries while ffmpeg is missing or sick; accepted messages wait.",
        least=1,
    )
    tries: int = setting(
        "CONVERT_TRIES",
        3,
        "Crashes of the server in the middle of one clip's conversion after which it is tried once more, and then given"
        " up as `failed`; a sick ffmpeg never counts.",
        least=2,
    )


@dataclass(frozen=True, slots=True)
class Sockets:
    """What one WebSocket may do."""

    hello_seconds: float = setting(
        "HELLO_SECONDS", 5.0, "Seconds a socket without a token has to say `hello`; then 4408.", least=0.1
    )
    ping_seconds: float = setting("PING_SECONDS", 20.0, "Seconds between pings.", least=0.1)
    pong_seconds: float = setting(
        "PONG_SECONDS", 45.0, "Seconds without an answer after which a socket is closed.", least=0.1
    )
    unacknowledged: int = setting(
        "UNACKNOWLEDGED", 8, "Messages under way on a socket before we wait for an `ack`.", least=1
    )
    outbox_frames: int = setting(
        "OUTBOX_FRAMES",
        64,
        "Frames waiting to be written to a socket; one more closes it with 1013, its messages stay.",
        least=1,
    )
    write_seconds: float = setting(
        "WRITE_SECONDS",
        30.0,
        "Seconds a socket may refuse to take a frame before it is dropped; its messages stay.",
        least=0.1,
    )
    bad_frames: int = setting(
        "BAD_FRAMES", 20, "Refused frames in a row after which a socket is closed with 4400.", least=1
    )
    frames_per_minute: int = setting(
        "FRAMES_PER_MINUTE",
        600,
        "Frames a socket may send in a minute, pings and pongs included; more closes it with 4429.",
        least=1,
    )
    fragments_per_minute: int = setting(
        "FRAGMENTS_PER_MINUTE",
        10_000,
        "Fragments, after the first of each message, that a socket may send in a minute; more closes it with 4429.",
        least=1,
    )
    messages_per_minute: int = setting(
        "MESSAGES_PER_MINUTE",
        60,
        "Voices and texts that one person or toy may send in a minute, over all their sockets; more is `rate_limited`.",
        least=1,
    )
    upload_seconds: float = setting(
        "UPLOAD_SECONDS",
        600.0,
        "Seconds that one message may take to come in; then its socket is closed with 1013.",
        least=0.1,
    )
    unfinished_bytes: int = setting(
        "UNFINISHED_BYTES",
        256 << 20,
        "Bytes of frames that are not whole yet, of all sockets together; one more and the socket whose frame has been"
        " coming in for longest is closed with 1013.",
        least=1 << 20,
    )
    max_handshakes: int = setting(
        "MAX_HANDSHAKES",
        1000,
        "Sockets before their `welcome`; one more and the one that has waited for longest is closed with 1013.",
        least=1,
    )
    max_sockets: int = setting(
        "MAX_SOCKETS",
        10_000,
        "Sockets after their `welcome`; one more is refused with 503, or closed with 1013.",
        least=1,
    )
    per_person: int = setting(
        "SOCKETS_PER_PERSON", 8, "Sockets one person may hold; the oldest is replaced (4409).", least=1
    )


@dataclass(frozen=True, slots=True)
class Http:
    """What one HTTP connection may do."""

    max_connections: int = setting(
        "MAX_HTTP_CONNECTIONS",
        4000,
        "Open HTTP connections; one more closes the one that waits longest for a request, or gets 503 where all are"
        " busy.",
        least=1,
    )
    header_seconds: float = setting(
        "HTTP_HEADER_SECONDS",
        10.0,
        "Seconds from the first byte of a request, or from the connection, to the end of its headers; then 408.",
        least=0.1,
    )
    keep_alive_seconds: float = setting(
        "HTTP_KEEP_ALIVE_SECONDS",
        75.0,
        "Seconds an HTTP connection may wait for its next request; longer than a proxy in front keeps one.",
        least=0.1,
    )
    least_bytes_per_second: int = setting(
        "HTTP_LEAST_BYTES_PER_SECOND",
        1000,
        "Bytes a second at which an answer must be read, on the whole and from its 30th second on; slower ones are cut,"
        " and go on with a range.",
        least=0,
    )


class Registration(StrEnum):
    """Who may make an account for themselves."""

    OPEN = "open"
    INVITATION = "invitation"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Access:
    """Accounts, tokens, licences and claims."""

    registration: Registration = setting(
        "REGISTRATION",
        Registration.OPEN,
        "Who may register: `open` to anybody, with an `invitation`, or `closed`; operators always can add accounts.",
    )
    registrations_per_hour: int = setting(
        "REGISTRATIONS_PER_HOUR",
        20,
        "Tries to register from one address, or to take another name, in an hour; more is `rate_limited`.",
        least=1,
    )
    invitation_days: int = setting("INVITATION_DAYS", 14, "Days an invitation to register works, once.", least=1)

    token_days: int = setting("TOKEN_DAYS", 30, "Days a token works after it was given.", least=1)
    claim_seconds: int = setting(
        "CLAIM_SECONDS", 600, "Seconds a waiting toy's claim code works; the toy renews it.", least=1
    )
    login_tries: int = setting(
        "LOGIN_TRIES", 10, "Wrong passwords for one name in five minutes; more is `rate_limited`.", least=1
    )
    login_tries_per_address: int = setting(
        "LOGIN_TRIES_PER_ADDRESS",
        50,
        "Wrong log-ins from one address in five minutes, whatever the names; more is `rate_limited`.",
        least=1,
    )
    claim_tries: int = setting(
        "CLAIM_TRIES", 5, "Wrong claim codes from one person in ten minutes; more is `rate_limited`.", least=1
    )
    bare_licence: bool = setting(
        "BARE_LICENSE",
        True,
        "Whether a toy may show its licence itself; if not, only the answer to a challenge counts.",
    )
    licence_tries: int = setting(
        "LICENSE_TRIES", 10, "Wrong licences and proofs from one address in a minute; more is `rate_limited`.", least=1
    )
    device_lookups: int = setting(
        "DEVICE_LOOKUPS", 30, "Devices one person may ask about in ten minutes; more is `rate_limited`.", least=1
    )
    challenge_seconds: int = setting(
        "CHALLENGE_SECONDS", 60, "Seconds a toy has to answer a challenge.", least=1, most=600
    )


@dataclass(frozen=True, slots=True)
class Families:
    """How much one family may have."""

    toys: int = setting("TOYS_PER_PERSON", 50, "Toys one person may guard; one more is `too_many`.", least=1)
    guardians: int = setting("GUARDIANS_PER_TOY", 8, "Guardians of one toy; one more is `too_many`.", least=1)
    contacts: int = setting(
        "CONTACTS", 200, "Contacts and open requests of one person or toy; one more is `too_many`.", least=1
    )
    contact_requests: int = setting(
        "CONTACT_REQUESTS", 20, "Contact requests one person may make in an hour; more is `rate_limited`.", least=1
    )
    groups: int = setting("GROUPS_PER_PERSON", 50, "Groups one person may own; one more is `too_many`.", least=1)
    members: int = setting("GROUP_MEMBERS", 32, "Members of one group; one more is `too_many`.", least=2)
    memberships: int = setting(
        "GROUPS_PER_MEMBER", 200, "Groups one person or toy may be in; one more is `too_many`.", least=1
    )
    kept_bytes: int = setting(
        "BYTES_PER_FAMILY",
        5 << 30,
        "Bytes on the disk of what a family said, and of their own songs, recordings and MP3s; more is `too_many`.",
        least=1,
    )


@dataclass(frozen=True, slots=True)
class Shelf:
    """Songs and stories."""

    max_bytes: int = setting(
        "MAX_ITEM_BYTES", 64 << 20, "Largest song or story in bytes; more is `audio_too_large`.", least=1
    )
    max_seconds: int = setting(
        "MAX_ITEM_SECONDS", 3600, "Longest song or story in seconds; more is `audio_too_long`.", least=1
    )
    deadline_seconds: float = setting(
        "CONVERT_ITEM_SECONDS", 600.0, "Seconds one run of ffmpeg may take over a song or story.", least=0.1
    )
    max_cover_bytes: int = setting(
        "MAX_COVER_BYTES", 2 << 20, "Largest picture of a cover in bytes; more is `too_long`.", least=1
    )
    items: int = setting(
        "ITEMS_PER_PERSON", 200, "Own recordings one person may keep; one more is `too_many`.", least=1
    )


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long things stay."""

    heard_days: int = setting(
        "RETENTION_DAYS", 30, "Days a message stays after everybody heard it; then it is erased.", least=1
    )
    unheard_days: int = setting("UNHEARD_DAYS", 90, "Days a message waits to be heard; then it is erased.", least=1)
    original_days: int = setting("ORIGINAL_DAYS", 7, "Days the recording itself stays after it was converted.", least=0)
    sweep_minutes: float = setting(
        "RETENTION_MINUTES",
        60.0,
        "Minutes between looks for what has to go, files that nobody knows included.",
        least=0.01,
    )


@dataclass(frozen=True, slots=True)
class Service:
    """The process as a whole."""

    lang: str = setting("LANG", "en", "Language of prompts when nobody asks for another: `en` or `zh`.")
    prompts_dir: str = setting(
        "PROMPTS_DIR", "", "Folder with `<lang>/<name>.mp3` that replace the prompts we ship, file by file."
    )
    stop_seconds: float = setting(
        "STOP_SECONDS",
        10.0,
        "Seconds to finish running conversions on stop; the rest is picked up at the next start.",
        least=0,
    )
    sweep_seconds: float = setting(
        "SWEEP_SECONDS",
        2.0,
        "Seconds between looks for changes made by another process, such as a toy bound by a command.",
        least=0.1,
    )
    observe_seconds: float = setting(
        "OBSERVE_SECONDS",
        10.0,
        "Seconds between two points of the operator's charts, which show the last 360 of them.",
        least=0.1,
    )
    log_level: str = setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR; to standard error.")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole tree."""

    network: Network = field(default_factory=Network)
    storage: Storage = field(default_factory=Storage)
    audio: Audio = field(default_factory=Audio)
    conversion: Conversion = field(default_factory=Conversion)
    sockets: Sockets = field(default_factory=Sockets)
    http: Http = field(default_factory=Http)
    access: Access = field(default_factory=Access)
    families: Families = field(default_factory=Families)
    shelf: Shelf = field(default_factory=Shelf)
    keeping: Keeping = field(default_factory=Keeping)
    service: Service = field(default_factory=Service)


GROUPS: tuple[type[Any], ...] = (
    Network,
    Storage,
    Audio,
    Conversion,
    Sockets,
    Http,
    Access,
    Families,
    Shelf,
    Keeping,
    Service,
)


def every_setting() -> Iterator[tuple[type[Any], Field[Any]]]:
    """Each field with its group, in the order of the README's table."""
    for group in GROUPS:
        for one in fields(group):
            yield group, one


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this environment. Raises BadSettings, naming the variable and what it takes."""
    unknown = (
        {name for name in environment if name.startswith(PREFIX)}
        - {PREFIX + one.metadata["name"] for _, one in every_setting()}
        - NOT_SETTINGS
    )
    if unknown:
        raise BadSettings(f"no such setting: {', '.join(sorted(unknown))}")
    groups = [_read_group(group, environment) for group in GROUPS]
    return Settings(*groups)


NOT_SETTINGS = frozenset({PREFIX + "CORPUS", PREFIX + "PASSWORD", PREFIX + "LICENSE"})
"""Variables of the same prefix that the tests and the simulators read, not the server."""


def _read_group(group: type[Any], environment: Mapping[str, str]) -> Any:
    hints = get_type_hints(group)
    given = {}
    for one in fields(group):
        text = environment.get(PREFIX + one.metadata["name"])
        if text is not None:
            given[one.name] = _parse(one, hints[one.name], text)
    return group(**given)


def _parse(one: Field[Any], kind: Any, text: str) -> Any:
    name, (least, most) = PREFIX + one.metadata["name"], one.metadata["range"]
    try:
        value = _PARSERS[kind](text)
    except (ValueError, KeyError):
        raise BadSettings(f"{name}={text!r} is not usable; it takes {_TAKES[kind]}") from None
    if isinstance(value, int | float) and not (least <= value <= most and math.isfinite(value)):
        raise BadSettings(f"{name}={text!r} is out of range; it takes {least:g} to {most:g}")
    return value


_PARSERS: dict[Any, Any] = {
    int: int,
    float: float,
    str: str,
    Path: Path,
    Registration: Registration,
    Confinement: Confinement,
    bool: lambda text: {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()],
    tuple[str, ...]: lambda text: tuple(part.strip() for part in text.split(",") if part.strip()),
}
_TAKES: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "yes or no",
    Registration: "open, invitation or closed",
    Confinement: "auto, required or off",
}
