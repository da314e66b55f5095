"""What people and toys do while a house is recorded: a few seconds in which most of what can be asked of it is asked.

Grown-ups and toys send voices of several lengths, texts, what has no sound in it, what does not match its own
promise, and now and then the same once more; they acknowledge most of what they get and hear some of it; messages are
deleted, before or after their conversion, and at the end perhaps a whole family.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bench.server import CLIPS, Family, acknowledge, open_socket
from trials.powercut.promises import Promises, Sent
from trials.powercut.restart import digest

CLIP_NAMES = ("hello_nb.amr", "dtx_nb.amr", "hello_wb.amr", "hello.ogg", "story_nb.amr", "hello.wav")
"""The last one has more bytes than the server holds in memory."""
DEEDS = {"voice": 6, "text": 3, "again": 2, "noise": 1, "torn": 1, "delete": 1}
"""What is done next, and how often beside the others."""
PAUSE_SECONDS = 0.15
ANSWER_SECONDS = 60.0
SETTLE_SECONDS = 1.0
"""For conversions to finish, when they get the time."""


@dataclass(slots=True)
class Street:
    """Where everybody is, the dice, and what was sent so far."""

    dice: random.Random
    families: Sequence[Family] = ()
    http_url: str = ""
    ws_url: str = ""
    sent: list[Sent] = field(default_factory=list)
    offers: dict[str, dict[str, bytes | str]] = field(default_factory=dict)
    """What can be sent again: by sender and ref."""
    accepted: dict[str, str] = field(default_factory=dict)
    """Ids by ref, as clients were told."""
    erased: list[str] = field(default_factory=list)
    """Messages and people, as clients were told."""

    def after(self, promises: Promises) -> Street:
        """As the clients are after a power cut, who were promised this much by then. What was not accepted they will
        send again."""
        accepted = dict(promises.accepted)
        return Street(
            dice=self.dice,
            families=[one for one in self.families if not promises.is_leaving(one.person_id)],
            sent=list(self.sent),
            offers={
                sender: {ref: what for ref, what in offers.items() if not promises.is_leaving(accepted.get(ref, ""))}
                for sender, offers in self.offers.items()
            },
            accepted=accepted,
        )


class Party:
    """A grown-up or a toy, for as long as one socket holds."""

    def __init__(self, street: Street, socket: ClientConnection, own_id: str, other_id: str, token: str) -> None:
        self._street = street
        self._socket = socket
        self._own_id = own_id
        self._other_id = other_id
        self._token = token
        self._answers: asyncio.Queue[str | None] = asyncio.Queue()
        """Refs that were accepted or refused."""
        self._offers = street.offers.setdefault(own_id, {})

    async def listen(self) -> None:
        """Until the socket closes."""
        dice = self._street.dice
        with contextlib.suppress(ConnectionClosed):
            while True:
                frame = json.loads(await self._socket.recv())
                match frame["type"]:
                    case "accepted":
                        self._street.accepted[frame["ref"]] = frame["id"]
                        self._answers.put_nowait(frame["ref"])
                    case "error":
                        self._answers.put_nowait(frame.get("ref"))
                    case "voice" | "text":
                        if dice.random() < 0.8:
                            await acknowledge(self._socket, frame["id"])
                        if dice.random() < 0.4:
                            await self._socket.send(json.dumps({"type": "heard", "id": frame["id"]}))

    async def act(self, deeds: int) -> None:
        """So many things, one after another."""
        for _ in range(deeds):
            (deed,) = self._street.dice.choices(list(DEEDS), list(DEEDS.values()))
            await asyncio.sleep(self._street.dice.uniform(0, PAUSE_SECONDS))
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._do(deed)

    async def _do(self, deed: str) -> None:
        dice = self._street.dice
        known = [ref for ref in self._offers if ref in self._street.accepted]
        if deed == "again" and self._offers:
            ref = dice.choice(list(self._offers))
            await self._offer(ref, self._offers[ref])
        elif deed == "delete" and known:
            ref = dice.choice(known)
            del self._offers[ref]
            message_id = self._street.accepted[ref]
            await self.erase(f"messages/{message_id}", message_id)
        elif deed == "text":
            await self._say(f"{self._own_id} says {dice.randbytes(8).hex()}")
        elif deed == "noise":
            await self._say(dice.randbytes(2000), is_sound=False)
        elif deed == "torn":
            await self._say(_clip(dice), is_refused=True)
        else:
            await self._say(_clip(dice))

    async def _say(self, what: bytes | str, *, is_sound: bool = True, is_refused: bool = False) -> None:
        """Something new."""
        ref = f"ref-{len(self._street.sent)}"
        text, blob = (what, None) if isinstance(what, str) else (None, digest(what))
        self._street.sent.append(Sent(ref, self._own_id, text, blob, is_sound=is_sound, is_refused=is_refused))
        if not is_refused:
            self._offers[ref] = what
        await self._offer(ref, what, is_refused=is_refused)

    async def _offer(self, ref: str, what: bytes | str, *, is_refused: bool = False) -> None:
        frame: dict[str, object] = {"to_user": self._other_id, "ref": ref}
        if isinstance(what, str):
            await self._socket.send(json.dumps(frame | {"msg": what}))
        else:
            promised = b"something else" if is_refused else what
            await self._socket.send(json.dumps(frame | {"sha256": hashlib.sha256(promised).hexdigest()}))
            await self._socket.send(what)
        while await self._answers.get() != ref:
            pass

    async def erase(self, what: str, erased_id: str) -> None:
        """`messages/ID` or `me`. Each on a connection of its own, so that the record shows which answer is whose.
        Raises RuntimeError unless it was done."""
        server = urlsplit(self._street.http_url)
        reader, writer = await asyncio.open_connection(server.hostname, server.port)
        request = f"DELETE /api/v1/{what} HTTP/1.1\r\nHost: {server.netloc}\r\nConnection: close\r\n"
        writer.write(f"{request}Authorization: Bearer {self._token}\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        if b" 200 " not in answer.partition(b"\r\n")[0]:
            raise RuntimeError(f"not erased: {answer!r}")
        self._street.erased.append(erased_id)


def _clip(dice: random.Random) -> bytes:
    return (CLIPS / dice.choice(CLIP_NAMES)).read_bytes()


async def go(street: Street, deeds: int) -> None:
    """Everybody does so many things; then the first family is erased, perhaps. Returns when everybody had time to
    listen, or at once, as the dice say."""
    async with contextlib.AsyncExitStack() as stack:
        people, toys = [], []
        for family in street.families:
            person, toy = (family.person_id, family.toy_id), (family.toy_id, family.person_id)
            people.append(await stack.enter_async_context(_come(street, "app", *person, family.person_token)))
            toys.append(await stack.enter_async_context(_come(street, "toy", *toy, family.toy_token)))
        async with asyncio.TaskGroup() as tasks:
            for party in (*people, *toys):
                tasks.create_task(party.act(deeds))
        if street.dice.random() < 0.7:
            await asyncio.sleep(SETTLE_SECONDS)
        if people and street.dice.random() < 0.4:
            await people[0].erase("me", street.families[0].person_id)


@asynccontextmanager
async def _come(street: Street, edge: str, own_id: str, other_id: str, token: str) -> AsyncIterator[Party]:
    async with open_socket(f"{street.ws_url}/{edge}", token) as socket:
        party = Party(street, socket, own_id, other_id, token)
        listening = asyncio.create_task(party.listen())
        try:
            yield party
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
