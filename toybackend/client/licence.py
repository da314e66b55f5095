"""What a board makes of its licence, so that the licence itself need not leave it."""

from __future__ import annotations

import base64
import hashlib
import hmac


def device_id(licence: str) -> str:
    """What everybody may call the device of this licence, 32 hex digits: the fingerprint of a fingerprint."""
    once_more = hashlib.sha256(_key(licence)).digest()
    return "d_" + base64.b32encode(once_more).decode().lower()[:20]


def proof(licence: str, nonce: str) -> str:
    """The answer to a challenge, as hex digits: HMAC-SHA256 over the nonce."""
    return hmac.new(_key(licence), nonce.encode(), hashlib.sha256).hexdigest()


def _key(licence: str) -> bytes:
    return hashlib.sha256(licence.strip().lower().encode()).digest()
