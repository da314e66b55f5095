"""The people and things of the authority table, and who is who in it: a small town, built once and copied for each
cell that changes something."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from toybackend.house import House, open_house
from toybackend.models import (
    Account,
    ContactId,
    GroupId,
    Item,
    ItemId,
    ItemState,
    Message,
    MessageId,
    MessageState,
    PartyId,
    PartyKind,
    Sound,
)
from toybackend.services.policy import check_may_send
from toybackend.services.toys import Toys
from toybackend.settings import Network, Settings, Storage

NOBODY = "nobody"
ACTORS = {
    NOBODY: "shows no token",
    "waiting": "a toy that is switched on and has no family",
    "bear": "the toy that everything is about",
    "owner": "took the bear home",
    "co_guardian": "guards the bear too",
    "contact": "a grown-up of another family; the guardians of both sides agreed",
    "refused": "asked to be a contact and was refused",
    "blocked": "was a contact and is blocked by the bear's family",
    "stranger": "a grown-up who has nothing to do with them",
    "other_toy": "a toy of the stranger",
    "operator": "runs the server",
}
"""Columns of the table."""

PEOPLE = tuple(name for name in ACTORS if name not in (NOBODY, "waiting", "bear", "other_toy"))
COVER = b"\xff\xd8\xff\xe0 a picture"
MP3 = Path(__file__).parents[1] / "clips" / "hello.mp3"


@dataclass(frozen=True, slots=True)
class Town:
    """Where the table is tried."""

    folder: Path
    tokens: dict[str, str]
    """By actor."""
    ids: dict[str, str]
    """By what a path calls them: `toy_id`, `message_id` …, and of the actors."""

    def settings(self, folder: Path) -> Settings:
        return Settings(network=Network(http_port=0, ws_port=0), storage=Storage(data_dir=folder))

    def copy(self, folder: Path) -> Settings:
        """A fresh town like this one."""
        shutil.copytree(self.folder, folder)
        return self.settings(folder)


async def build(folder: Path) -> Town:
    """The town, as it is before anybody does anything."""
    town = Town(folder, {}, {})
    async with open_house(town.settings(folder)) as house:
        await _people(house, town)
        await _toys(house, town)
        await _relations(house, town)
        await _things(house, town)
    return town


async def _people(house: House, town: Town) -> None:
    for name in PEOPLE:
        account = Account(PartyId(f"p_{name.replace('_', '')}"), name, "$argon2id$…", 0, name == "operator")
        await house.database.add_account(account)
        town.ids[name] = account.id
        town.tokens[name] = await house.tokens.give(account.id, PartyKind.PERSON, session_id=f"s_{account.id[2:]}")


async def _toys(house: House, town: Town) -> None:
    for name, guardian in (("bear", "owner"), ("other_toy", "stranger"), ("waiting", None)):
        [(device_id, licence)] = [one async for batch in house.devices.issue(1) for one in batch]
        boot = await house.devices.power_on(licence)
        assert boot.claim is not None and boot.toy is not None and boot.token is not None
        if guardian is not None:
            await house.toys.bind(PartyId(town.ids[guardian]), boot.claim.code, name)
        town.ids[f"{name}_licence"] = licence
        town.ids.update({name: boot.toy.id, f"{name}_device": device_id, f"{name}_claim": boot.claim.code})
        town.tokens[name] = boot.token


async def _relations(house: House, town: Town) -> None:
    bear = PartyId(town.ids["bear"])
    claim = await _window(house.toys, PartyId(town.ids["owner"]), bear)
    await house.toys.bind(PartyId(town.ids["co_guardian"]), claim)
    for name in ("contact", "refused", "blocked"):
        contact_id = ContactId(f"c_{name}")
        person = PartyId(town.ids[name])
        await house.database.ask(contact_id, person, bear, 1, is_agreed=name != "refused", most=10)
    # A second request of the contact, to the owner in person, that nobody answered yet.
    owner, person = PartyId(town.ids["owner"]), PartyId(town.ids["contact"])
    await house.database.ask(ContactId("c_asked"), person, owner, 1, is_agreed=False, most=10)
    await house.database.end_contact(ContactId("c_refused"), [bear])
    await house.database.set_block(ContactId("c_blocked"), bear, blocks=True)


async def _window(toys: Toys, owner: PartyId, toy: PartyId) -> str:
    return (await toys.new_claim(toy, opened_by=owner)).code


async def _things(house: House, town: Town) -> None:
    """A voice from the owner to the bear, a group of the owner's, a recording of the owner's."""
    owner, bear = PartyId(town.ids["owner"]), PartyId(town.ids["bear"])
    message = Message(
        id=MessageId("m_voice"),
        sender_id=owner,
        sender_name="owner",
        conversation="+".join(sorted((owner, bear))),
        to_user=bear,
        to_group=None,
        ref=None,
        text=None,
        state=MessageState.ACCEPTED,
        accepted_at=1,
    )
    await house.database.accept(message, check_may_send)
    item = Item(ItemId("i_song"), owner, "Lullaby", "songs", ItemState.CONVERTING, 1)
    await house.database.add_item(item, COVER, most=10)
    sound = Sound(MP3, 3460, tuple(range(48)))
    await house.database.settle(message.id, 2, sound=sound)
    await house.database.settle_item(item.id, sound=sound)
    for sound_id in (message.id, item.id):
        async with house.audio.desk() as desk:
            await house.audio.keep_mp3(sound_id, Path(shutil.copy(MP3, desk / "out.mp3")))
    members = [PartyId(town.ids["bear"]), PartyId(town.ids["co_guardian"])]
    await house.database.add_group(
        GroupId("g_custom"), "Sunday", owner, members, 1, most_groups=9, most_members=9, most_memberships=9
    )
    town.ids.update(
        {
            "toy_id": bear,
            "message_id": message.id,
            "sound_id": message.id,
            "item_id": item.id,
            "group_id": "g_custom",
            "contact_id": "c_contact",
            "asked_id": "c_asked",
            "conversation_id": bear,
            "person_id": town.ids["co_guardian"],
            "party_id": town.ids["co_guardian"],
            "session_id": "s_owner",
            "device_id": town.ids["bear_device"],
            "consent": (await house.consents.text()).version,
        }
    )
