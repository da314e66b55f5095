"""Python clients for phone and toy: what the simulators, the tests and other people's programs use.

phone.py toy.py     what programs see
endpoint.py         what both have in common
link.py             one socket, kept alive
inbox.py outbox.py  what came and what has to go; without I/O
api.py              the HTTP calls
"""

from toybackend.client.api import Boot, ShownClaim
from toybackend.client.failures import ClientClosed, Replaced, ServerAway
from toybackend.client.inbox import Received
from toybackend.client.outbox import Outcome, Sent
from toybackend.client.phone import Phone
from toybackend.client.toy import Toy
from toybackend.client.waiting import Backoff

__all__ = [
    "Backoff",
    "Boot",
    "ClientClosed",
    "Outcome",
    "Phone",
    "Received",
    "Replaced",
    "Sent",
    "ServerAway",
    "ShownClaim",
    "Toy",
]
