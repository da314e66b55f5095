"""What a board works out by itself is what the server expects of it."""

from __future__ import annotations

import pytest

from toybackend.client.licence import device_id, proof
from toybackend.services.challenges import prove
from toybackend.services.devices import fingerprint
from toybackend.services.tokens import digest

LICENCES = ["0123456789abcdef0123456789abcdef", "f" * 32, "00000000000000000000000000000000"]


@pytest.mark.parametrize("licence", LICENCES)
def test_both_sides_call_a_device_the_same(licence: str) -> None:
    assert device_id(licence) == fingerprint(digest(licence))
    assert device_id(f" {licence.upper()}\n") == device_id(licence)


@pytest.mark.parametrize("licence", LICENCES)
def test_both_sides_prove_the_same(licence: str) -> None:
    nonce = "5f.1795248000000.aa"
    assert proof(licence, nonce) == prove(digest(licence), nonce)
    assert proof(licence.upper(), nonce) == proof(licence, nonce)
    assert proof(licence, nonce + "0") != proof(licence, nonce)


def test_a_name_and_a_proof_that_never_change() -> None:
    """Boards have these formulas in their firmware."""
    assert device_id(LICENCES[0]) == "d_5uiqcta5lnb7c5m7oi2v"
    assert proof(LICENCES[0], "nonce") == "067db46e1c713caeea41b8ba52600963ed98469c1d1621520ac6b259e779c0ca"
