"""Python clients for phone and toy: what the simulators, the tests and other people's programs use.

phone.py toy.py     what programs see
endpoint.py         what both have in common
link.py             one socket, kept alive
inbox.py outbox.py  what came and what has to go; without I/O
playback.py         the songs that a toy is told to play; without I/O
api.py licence.py   the HTTP calls, and how a toy shows who it is
"""

from toybackend.client.api import Api, Boot, ShownClaim
from toybackend.client.failures import ClientClosed, Replaced, ServerAway
from toybackend.client.inbox import Received
from toybackend.client.outbox import Outcome, Sent
from toybackend.client.phone import Phone
from toybackend.client.toy import Toy
from toybackend.client.waiting import Backoff

__all__ = [
    "Api",
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
