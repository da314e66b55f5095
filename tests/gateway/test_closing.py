"""Which close code an error becomes."""

from __future__ import annotations

import pytest

from toybackend.errors import ConverterUnavailable, NotAuthenticated, Overloaded, ToybackendError
from toybackend.gateway.closing import Closing, closing


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotAuthenticated(), 4401),
        (Overloaded(retry_after=5), 1013),
        (ConverterUnavailable("gone"), 1013),
        (ToybackendError(), 1013),
    ],
    ids=lambda one: type(one).__name__,
)
def test_close_codes(error: ToybackendError, code: int) -> None:
    assert closing(error).code == code


def test_a_reason_says_nothing_of_the_inside_and_fits_into_a_close_frame() -> None:
    secret = "/var/lib/secret " * 20
    for error in (NotAuthenticated(secret), Overloaded(secret), ToybackendError(secret)):
        reason = closing(error).reason
        assert "secret" not in reason
        assert 0 < len(reason.encode()) <= 123  # RFC 6455, section 5.5


def test_a_closing_carries_code_and_reason() -> None:
    end = Closing(4400, "too many bad frames")
    assert (end.code, end.reason, str(end)) == (4400, "too many bad frames", "too many bad frames")
