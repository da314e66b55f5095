"""Which close code an error becomes: the one place that decides it."""

from __future__ import annotations

from toybackend.errors import NotAuthenticated, Overloaded, ToybackendError
from toybackend.protocol import CloseCode


class Closing(Exception):
    """Close this socket with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def closing(error: ToybackendError) -> Closing:
    """How a socket ends that meets this error before it could be used."""
    if isinstance(error, NotAuthenticated):
        return Closing(CloseCode.NOT_AUTHENTICATED, "not authenticated")
    if isinstance(error, Overloaded):
        return Closing(CloseCode.TRY_AGAIN_LATER, "try again later")
    return Closing(CloseCode.TRY_AGAIN_LATER, "internal")
