"""What a grown-up does over HTTP, each deed with what must be true before and after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from trials.soak.findings import Wrong
from trials.soak.histories import Histories, Reading
from trials.soak.line import Street
from trials.soak.sayings import Copy, Ear, Rest, Saying
from trials.soak.town import Pact, Resident
from trials.soak.web import Answer, Unanswered

API = "/api/v1"
ALL_DAY = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "00:00"}]
NOBODYS = "m_" + "a" * 20
"""An id that there is none of."""
GONE = (404, 410)
FOUND = (200, 206)
DOUBTFUL_SECONDS = 120.0
"""After so long a `heard` has come to the server, or the message was shown again."""


class Deeds:
    """Done in the name of one grown-up; toys only read and listen."""

    def __init__(self, street: Street, doer: Resident) -> None:
        self._street = street
        self._doer = doer
        self._book, self._web, self._dice = street.book, street.web, street.dice
        self._histories = Histories(street.book)

    # ── reading and listening ──

    async def read(self, other: str, limit: int | None = None) -> None:
        """The newest page of what was said with this party or in this group."""
        limit = limit or self._dice.choice((5, 20, 100))
        asked_at = self._street.now()
        path = f"{API}/conversations/{other}/messages?limit={limit}"
        with suppress(Unanswered):
            answer = await self._web.ask("GET", path, self._doer.token, expect=(200, 404))
            if answer.status == 200:
                key = other if other.startswith("g_") else "+".join(sorted((self._doer.id, other)))
                page = answer.json()
                is_whole = page["before"] is None
                self._histories.check(Reading(self._doer.id, key, page["messages"], is_whole, asked_at))
            elif self._street.town.can_reach(self._doer.id, other):
                self._book.findings.note(Wrong.HTTP, f"{self._doer.id} may not read {other}")

    async def listen(self, saying: Saying, url: str = "", *, token: str | None = None) -> None:
        """Download all of it or a part, by link or with a token."""
        if not saying.words.mp3 or not any(copy.arrived_at is not None for copy in saying.copies.values()):
            return
        begin, end = self._some_part(len(saying.words.mp3))
        headers = {"Range": f"bytes={begin}-{end - 1}"} if end else {}
        with suppress(Unanswered):
            path = url or f"{API}/audio/{saying.id}.mp3"
            shown = self._doer.token if token is None else token
            answer = await self._web.ask("GET", path, shown, headers=headers, expect=FOUND + GONE)
            self._compare(saying, answer, begin, end)

    def _some_part(self, size: int) -> tuple[int, int]:
        """From where to before where; (0, 0) for no part but all of it."""
        if self._dice.random() < 0.5:
            return 0, 0
        begin = self._dice.randrange(size)
        return begin, self._dice.randrange(begin + 1, size + 1)

    def _compare(self, saying: Saying, answer: Answer, begin: int, end: int) -> None:
        mp3 = saying.words.mp3
        wanted = (206, mp3[begin:end]) if end else (200, mp3)
        if answer.status in GONE:
            if not any(copy.is_void for copy in saying.copies.values()):
                self._book.findings.note(Wrong.HTTP, f"{self._doer.id} cannot hear {saying}: {answer.status}")
        elif (answer.status, answer.body) != wanted:
            told = f"{answer.status}, {len(answer.body)} bytes for {begin}-{end}"
            self._book.findings.note(Wrong.MIXED_UP, f"the sound of {saying}: {told}")

    async def pry(self, saying: Saying, toy: str) -> None:
        """Into another family's affairs: the answers are those for what does not exist."""
        paths = [
            ("GET", f"{API}/audio/{saying.id}.mp3", f"{API}/audio/{NOBODYS}.mp3"),
            ("DELETE", f"{API}/messages/{saying.id}", f"{API}/messages/{NOBODYS}"),
            ("GET", f"{API}/toys/{toy}", f"{API}/toys/t_{NOBODYS[2:]}"),
            ("GET", f"{API}/conversations/{toy}/messages", f"{API}/conversations/t_{NOBODYS[2:]}/messages"),
        ]
        method, theirs, nobodys = self._dice.choice(paths)
        with suppress(Unanswered):
            one = await self._web.ask(method, theirs, self._doer.token, expect=(404,))
            two = await self._web.ask(method, nobodys, self._doer.token, expect=(404,))
            if one.body != two.body:
                self._book.findings.note(Wrong.HTTP, f"{method} {theirs} tells that it is there: {one.body!r}")

    # ── changing ──

    async def set_volume(self, toy: str) -> None:
        volume = self._dice.randrange(20, 100)
        for ear in self._open_ears(toy):
            ear.forget("volume")
        answer = await self._web.surely("GET", f"{API}/toys/{toy}", self._doer.token)
        if answer.json()["settings"]["volume_cap"] != volume:
            self._owe_anew(toy, "volume", volume)
            await self._change(toy, volume_cap=volume)

    async def set_rest(self, toy: str, *, rests: bool) -> None:
        """All day long, or not at all."""
        self._book.resting(toy, None, self._street.now())
        self._owe_anew(toy, "rests", rests)
        settings = await self._change(toy, quiet_hours=ALL_DAY if rests else [])
        if (settings["quiet_until"] is not None) is not rests:
            self._book.findings.note(Wrong.HTTP, f"{toy} was set to rest={rests}: {settings}")
        self._book.resting(toy, rests, self._street.now())

    async def _change(self, toy: str, **change: Any) -> Any:
        answer = await self._web.surely("PATCH", f"{API}/toys/{toy}", self._doer.token, json=change)
        return answer.json()["settings"]

    def _owe_anew(self, toy: str, what: str, value: object) -> None:
        for ear in self._open_ears(toy):
            ear.forget(what)
            self._book.owe(ear, (what, value), self._street.now())

    def _open_ears(self, *parties: str) -> list[Ear]:
        return [ear for party in parties for ear in self._book.ears[party]]

    async def delete(self, saying: Saying) -> None:
        """For everybody."""
        self._book.taking_back(saying.copies.values())
        for ear in self._open_ears(saying.sender, *saying.copies):
            self._book.owe(ear, ("deleted", saying.id), self._street.now())
        await self._web.surely("DELETE", f"{API}/messages/{saying.id}", self._doer.token, again=(404,))
        self._book.erased([saying], self._street.now())
        with suppress(Unanswered):
            await self._web.ask("GET", f"{API}/audio/{saying.id}.mp3", self._doer.token, expect=GONE)

    # ── songs ──

    async def play(self, toys: Sequence[str], item: str, stranger: str) -> None:
        """On several toys, and on one that is not ours."""
        before = {toy: (self._book.rest_of(toy), self._open_ears(toy)) for toy in toys}
        for toy in toys:
            self._book.ask_to_play(toy, item, self._street.now())
        with suppress(Unanswered):
            wanted = {"toy_ids": [*toys, stranger], "item_id": item}
            answer = await self._web.ask("POST", f"{API}/playback", self._doer.token, json=wanted)
            results = {one["toy_id"]: one["result"] for one in answer.json()["results"]}
            if results.pop(stranger) != "not_found":
                self._book.findings.note(Wrong.MISDELIVERED, f"{self._doer.id} plays on {stranger}")
            for toy, result in results.items():
                self._judge_play(toy, result, *before[toy])
                if result != "playing":
                    self._book.will_not_play(toy, item)

    def _judge_play(self, toy: str, result: str, rest: Rest, ears: Sequence[Ear]) -> None:
        """Did it play where nothing was in the way, and only there? `rest` and `ears` are of before."""
        was_there = any(ear.is_open and not ear.is_deaf for ear in ears)
        right = {True: {"quiet_hours"}, False: {"playing"} if was_there else {"playing", "offline"}}
        if self._book.rest_of(toy) is rest and rest.is_resting is not None and result not in right[rest.is_resting]:
            self._book.findings.note(Wrong.HTTP, f"asked to play, {toy} answers {result}")

    async def stop(self, toys: Iterable[str]) -> None:
        for ear in self._open_ears(*toys):
            ear.stops += 1
            self._book.owe(ear, ("stop",), self._street.now())
        with suppress(Unanswered):
            await self._web.ask("POST", f"{API}/playback/stop", self._doer.token, json={"toy_ids": list(toys)})

    # ── quarrels ──

    async def block(self, pact: Pact) -> None:
        """What their toys did not hear yet of each other is taken back."""
        pact.is_blocked = None
        self._doubt(pact)
        await self._set_block(pact, blocked=True)
        self._book.taken_back([copy for copy in self._unheard(pact) if copy.is_void], self._street.now())
        pact.is_blocked = True

    async def unblock(self, pact: Pact) -> None:
        pact.is_blocked = None
        for saying in self._book.between(*pact.toys):
            if saying.id is None:
                self._book.taking_back(saying.copies.values())
        await self._set_block(pact, blocked=False)
        pact.is_blocked = False

    def _doubt(self, pact: Pact) -> None:
        """That something was heard may be on its way to the server, or lost with a socket."""
        since = self._street.now() - DOUBTFUL_SECONDS
        for saying in self._book.between(*pact.toys):
            if saying.offered_at > since or any(copy.heard_at is None for copy in saying.copies.values()):
                self._book.taking_back(saying.copies.values())

    def _unheard(self, pact: Pact) -> list[Copy]:
        """Voices that were not heard, texts that did not come."""
        return [
            copy
            for saying in self._book.between(*pact.toys)
            for copy in saying.copies.values()
            if copy.heard_at is None and (saying.words.text is None or copy.acknowledged_at is None)
        ]

    async def _set_block(self, pact: Pact, *, blocked: bool) -> None:
        await self._web.surely("PATCH", f"{API}/contacts/{pact.id}", self._doer.token, json={"blocked": blocked})

    # ── logging in and out ──

    async def log_out(self, token: str) -> None:
        """The token is worth nothing any more."""
        await self._web.surely("DELETE", f"{API}/sessions/current", token, expect=(204,), again=(401,))
        with suppress(Unanswered):
            await self._web.ask("GET", f"{API}/me", token, expect=(401,))

    async def log_in(self, password: str) -> str:
        """A fresh token."""
        given = {"name": self._doer.name, "password": password}
        while True:
            answer = await self._web.surely("POST", f"{API}/sessions", json=given, expect=(200, 503))
            if answer.status == 200:
                return str(answer.json()["token"])
            await asyncio.sleep(1)  # others log in just now
