"""A server on which two parents, their toys and their friends have lived for some days, until this evening.

Whatever is there came as it does in life: over the gateway and the HTTP API. Only the clock is ours.
"""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from tests.browser.restartable import Restartable
from tests.browser.screenshots.drawings import cover, voice
from tests.browser.screenshots.words import Said, Words
from toybackend.client.endpoint import Endpoint
from toybackend.client.phone import Phone
from toybackend.client.toy import Toy
from toybackend.settings import Access, Network, Service, Settings, Sockets, Storage

EVENING = datetime(2026, 11, 21, 18, 40)
"""On the wall of whichever family."""
PATIENCE = 30.0
SAMPLE_MS = 10_000
"""How far apart the points of an operator's charts are."""
HOUR_BEGINS = "0 17:36"
"""Of the hour that an operator sees."""


class TownClock:
    """Goes as clocks go, and can be set ahead."""

    def __init__(self, time_zone: str) -> None:
        self._evening = EVENING.replace(tzinfo=ZoneInfo(time_zone))
        self.shift_ms = self.moment("5 09:00") - _now()

    def __call__(self) -> int:
        return _now() + self.shift_ms

    def moment(self, when: str) -> int:
        """Such as `2 18:05`: two days before this evening, by the clock on their wall."""
        days, clock_time = when.split()
        hour, minute = map(int, clock_time.split(":"))
        day = (self._evening - timedelta(days=int(days))).replace(hour=hour, minute=minute)
        return int(day.timestamp() * 1000)

    def set(self, when: str) -> None:
        """Never back."""
        self.shift_ms = max(self.shift_ms, self.moment(when) - _now())


def _now() -> int:
    return time.time_ns() // 1_000_000


def town_settings(folder: Path) -> Settings:
    """Nothing that keeps a quick hand waiting."""
    return Settings(
        network=Network(http_port=0, ws_port=0),
        storage=Storage(data_dir=folder / "data"),
        sockets=Sockets(frames_per_minute=100_000),
        access=Access(registrations_per_hour=1000, login_tries=1000, claim_tries=1000),
        service=Service(log_level="ERROR"),
    )


@dataclass(slots=True)
class Town:
    """Who lives there. `phones` and `toys` are by their parts, see `Words`; only some of them stay online."""

    server: Restartable
    clock: TownClock
    words: Words
    phones: dict[str, Phone] = field(default_factory=dict)
    toys: dict[str, Toy] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    hearing: set[str] = field(default_factory=set)
    """Who plays what comes to its end."""

    # ── who says what ──

    def endpoint(self, who: str) -> Endpoint:
        return self.toys.get(who) or self.phones[who]

    async def say(self, who: str, to: str, what: Said) -> None:
        """A text, or a voice of so many seconds. Returns when somebody has it."""
        speaker, is_group = self.endpoint(who), to in ("family", "group")
        if isinstance(what, str):
            sent = await speaker.send_text(self.ids[to], what, group=is_group)
        else:
            sent = await speaker.send_voice(self.ids[to], voice(what), group=is_group)
        await asyncio.wait_for(sent.heard() if to in self.hearing else sent.delivered(), PATIENCE)

    async def listen(self, who: str) -> None:
        """For as long as they are online."""
        async for message in self.endpoint(who).messages():
            message.ack()
            if who in self.hearing:
                await self.endpoint(who).heard(message)

    # ── what they do on the server ──

    async def do(self, who: str, method: str, path: str, body: object = None) -> Any:
        phone = self.phones[who]
        return await phone.api.call(method, path, body, token=phone.token)

    async def licence(self) -> str:
        """Of a toy that nobody has switched on yet."""
        [(_, licence)] = [one async for batch in self.server.house.devices.issue(1) for one in batch]
        return licence

    async def change_toy(self, who: str, toy: str, **change: object) -> None:
        await self.do(who, "PATCH", f"/toys/{self.ids[toy]}", change)

    async def add_song(self, who: str, shelf: str, song: tuple[str, str, str], sound: bytes) -> str:
        title, category, drawing = song
        form = aiohttp.FormData({"title": title, "category": category, "shelf": shelf})
        if drawing:
            form.add_field("cover", cover(drawing), filename="cover.png", content_type="image/png")
        form.add_field("audio", io.BytesIO(sound), filename="song.wav", content_type="audio/wav")
        url, header = f"{self.server.url}/api/v1/library", {"Authorization": f"Bearer {self.phones[who].token}"}
        async with aiohttp.ClientSession() as http, http.post(url, data=form, headers=header) as answer:
            answer.raise_for_status()
            return str((await answer.json())["id"])
