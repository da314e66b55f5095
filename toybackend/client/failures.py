"""What can go wrong for a client, besides being refused.

ToybackendError
├── Refused …           the server said no; the class is that of the wire code (toybackend/errors.py)
├── ServerAway          no server, or none that answers now
├── Replaced            a newer socket of the same toy or person took this one's place (4409)
└── ClientClosed        we left before it was settled
"""

from __future__ import annotations

from collections.abc import Iterator

from toybackend.errors import Internal, Overloaded, RateLimited, Refused, ToybackendError


class ServerAway(ToybackendError):
    """The server cannot be reached, or what answers is not the server. Trying again later may help."""

    code = "server_away"


class Replaced(ToybackendError):
    """Another socket took this one's place; to fight for it would only throw the other one out again."""

    code = "replaced"


class ClientClosed(ToybackendError):
    """This client was closed."""

    code = "client_closed"


PASSING: tuple[type[ToybackendError], ...] = (ServerAway, Overloaded, RateLimited, Internal)
"""What may be over by itself in a while."""


def refused(code: str, message: str | None = None, retry_after: int | None = None) -> Refused:
    """The error of this wire code; a plain Refused for a code that we do not know yet."""
    kind = _BY_CODE.get(code)
    if kind is None:
        return Refused(f"{code}: {message}" if message else code, retry_after=retry_after)
    return kind(message, retry_after=retry_after)


def _tree(kind: type[Refused]) -> Iterator[type[Refused]]:
    for child in kind.__subclasses__():
        yield child
        yield from _tree(child)


_BY_CODE = {kind.code: kind for kind in _tree(Refused)}
