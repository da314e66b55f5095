"""`toybackend demo`: the main job in one go, on a throw-away server."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from toybackend.app import serving
from toybackend.client import Api, Phone, Toy
from toybackend.errors import ToybackendError
from toybackend.house import House
from toybackend.models import BootState
from toybackend.settings import Network, Settings, Storage, read_settings
from toybackend.transcoder.amr import read_amr

CLIP = Path(__file__).parent.parent / "clips" / "demo.amr"
PATIENCE_SECONDS = 30.0
TOLERANCE_SECONDS = 0.1


class DemoFailed(ToybackendError):
    """A step did not come out as promised."""

    code = "demo_failed"


@dataclass(slots=True)
class Steps:
    """What happens, and how long each step took."""

    console: Console = field(default_factory=Console)

    @contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Prints `what`, then what the body appended and its time in milliseconds."""
        said: list[str] = []
        started = time.perf_counter()
        mark = "[red]✗[/]"
        try:
            yield said
            mark = "[green]✓[/]"
        finally:
            took = (time.perf_counter() - started) * 1000
            words = f"{mark} {what:<28} [dim]{took:7.1f} ms[/]  {' '.join(said)}"
            self.console.print(words.rstrip(), highlight=False, soft_wrap=True)


def demo(
    save: Annotated[Path | None, typer.Option(help="Keep the MP3 here.", show_default=False)] = None,
) -> None:
    """Issue a licence, register a family, boot and bind a toy, and send it a real AMR clip. Exit 0 only if the toy
    has it, as long as it was."""
    try:
        asyncio.run(_demo(save))
    except TimeoutError:
        raise DemoFailed(f"nothing came within {PATIENCE_SECONDS:.0f} seconds") from None


async def _demo(save: Path | None) -> None:
    steps = Steps()
    with tempfile.TemporaryDirectory(prefix="toybackend-demo-") as folder:
        data = Path(folder)
        settings = replace(read_settings(), network=Network(http_port=0, ws_port=0), storage=Storage(data_dir=data))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _story(steps, settings, save or data / "voice.mp3")
    steps.console.print(f"\nThe toy has the voice{f': {save}' if save else ''}.")


async def _story(steps: Steps, settings: Settings, target: Path) -> None:
    async with AsyncExitStack() as stack:
        with steps.step("the server starts") as said:
            house = await stack.enter_async_context(serving(settings))
            said.append(house.listeners.public().http_url)
        with steps.step("ffmpeg is well") as said:
            said.append(await house.transcoder.check())
        await _send_a_voice(steps, house, target)


async def _send_a_voice(steps: Steps, house: House, target: Path) -> None:
    url, password = house.listeners.public().http_url, secrets.token_urlsafe(12)
    with steps.step("a licence is issued") as said:
        [(device_id, licence)] = [one async for batch in house.devices.issue(1) for one in batch]
        said.append(f"for the device {device_id}")
    with steps.step("a family registers") as said:
        async with Api(url) as api:
            account = (await api.register("mum", password)).account
        said.append(f"{account.name}, {account.id}")
    async with AsyncExitStack() as stack:
        with steps.step("the toy boots") as said:
            toy = await stack.enter_async_context(Toy(url, licence))
            claim = toy.claim
            if toy.state is not BootState.UNBOUND or claim is None:
                raise DemoFailed("a new toy should look for an owner")
            said.append(f"{toy.state}, shows the code {claim.code}")
        with steps.step("the phone logs in"):
            phone = await stack.enter_async_context(Phone(url, "mum", password))
        with steps.step("the family binds it") as said:
            await phone.api.bind(phone.token, claim.code, "Bear")
            await toy.wait_until_ready()
            said.append(f"{toy.name}, {toy.id}")
        await _deliver(steps, house, phone, toy, target)
        with steps.step("the phone logs out"):
            await stack.aclose()


async def _deliver(steps: Steps, house: House, phone: Phone, toy: Toy, target: Path) -> None:
    clip = await asyncio.to_thread(CLIP.read_bytes)
    sent_seconds = read_amr(clip, max_seconds=house.settings.audio.max_seconds).seconds
    with steps.step("the phone sends a voice") as said:
        sent = await phone.send_voice(to=toy.id, audio=clip)
        said.append(f"{len(clip)} bytes of AMR, {sent_seconds:.2f} s, accepted")
    with steps.step("the toy is told"):
        voice = await anext(toy.messages())
    with steps.step("the toy fetches it") as said:
        mp3 = await toy.fetch(voice)
        await asyncio.to_thread(target.write_bytes, mp3)
        voice.ack()
        said.append(f"{len(mp3)} bytes of MP3")
    with steps.step("it decodes") as said:
        got_seconds = await _seconds(house, target)
        said.append(f"to {got_seconds:.2f} s")
        if abs(got_seconds - sent_seconds) > TOLERANCE_SECONDS:
            raise DemoFailed(f"{sent_seconds:.2f} s were sent and {got_seconds:.2f} s arrived")
    with steps.step("the phone sees both ticks") as said:
        await sent.delivered()
        await toy.heard(voice)
        await sent.heard()
        said.append("delivered, heard")


async def _seconds(house: House, mp3: Path) -> float:
    """How long the MP3 really is: decoded again, its samples counted."""
    with tempfile.TemporaryDirectory(prefix="toybackend-decode-") as folder:
        sound = await house.transcoder.convert(mp3, Path(folder))
        return sound.duration_ms / 1000
