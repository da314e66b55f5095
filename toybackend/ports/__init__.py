"""What the services need from the world, in our words. Adapters live in `databases/`, `audio_stores/`, `buses/`
and `transcoder/`; every one of them is held to the contract suite of its port in `tests/contracts/`.

Whatever a port promises to have stored is durable when the call returns: it survives a power cut.
"""

from __future__ import annotations

from typing import Protocol

from toybackend.ports.accounts import Accounts as Accounts
from toybackend.ports.accounts import Tokens as Tokens
from toybackend.ports.bus import Bus as Bus
from toybackend.ports.bus import Changed as Changed
from toybackend.ports.bus import Event as Event
from toybackend.ports.bus import Presence as Presence
from toybackend.ports.bus import Tell as Tell
from toybackend.ports.bus import Wake as Wake
from toybackend.ports.contacts import Asked as Asked
from toybackend.ports.contacts import Contacts as Contacts
from toybackend.ports.contacts import Groups as Groups
from toybackend.ports.contacts import Leaving as Leaving
from toybackend.ports.contacts import TakenBack as TakenBack
from toybackend.ports.conversations import Conversations as Conversations
from toybackend.ports.copies import Copies as Copies
from toybackend.ports.copies import Inventory as Inventory
from toybackend.ports.counts import Counting as Counting
from toybackend.ports.counts import Counts as Counts
from toybackend.ports.devices import Devices as Devices
from toybackend.ports.erasing import Erasing as Erasing
from toybackend.ports.erasing import Expiry as Expiry
from toybackend.ports.erasing import Looks as Looks
from toybackend.ports.library import Library as Library
from toybackend.ports.library import Wanted as Wanted
from toybackend.ports.messages import Acceptance as Acceptance
from toybackend.ports.messages import Mailbox as Mailbox
from toybackend.ports.messages import Mailboxes as Mailboxes
from toybackend.ports.messages import Messages as Messages
from toybackend.ports.messages import Receipt as Receipt
from toybackend.ports.messages import Unconverted as Unconverted
from toybackend.ports.relations import Relation as Relation
from toybackend.ports.relations import Relations as Relations
from toybackend.ports.sound import AudioStore as AudioStore
from toybackend.ports.sound import Incoming as Incoming
from toybackend.ports.sound import Progress as Progress
from toybackend.ports.sound import Transcoder as Transcoder
from toybackend.ports.times import Clock as Clock
from toybackend.ports.times import NewId as NewId
from toybackend.ports.toys import Household as Household
from toybackend.ports.toys import ToyChange as ToyChange
from toybackend.ports.toys import Toys as Toys


class Database(
    Messages,
    Mailboxes,
    Relations,
    Accounts,
    Tokens,
    Devices,
    Toys,
    Contacts,
    Groups,
    Conversations,
    Library,
    Erasing,
    Copies,
    Counting,
    Protocol,
):
    """All of it, as one adapter provides it."""

    async def ping(self) -> None:
        """Raises when the database does not answer, or can keep nothing."""
