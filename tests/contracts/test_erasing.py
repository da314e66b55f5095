"""The contract of `ports.Erasing`: what goes, what stays, and that the counts are the truth."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Row, Table, func, select, update

from tests.contracts.conftest import OpenDatabase
from tests.world import (
    FAR,
    NOW,
    accept,
    add_contact,
    add_group,
    add_person,
    add_rows,
    add_toy,
    message,
    new_id,
    sound,
)
from toybackend.databases import erasing
from toybackend.databases.sql import SqlDatabase
from toybackend.databases.tables import (
    claims,
    consents,
    deliveries,
    devices,
    groups,
    guardians,
    invitations,
    items,
    members,
    messages,
    metadata,
    plays,
    tokens,
    toys,
    used_nonces,
)
from toybackend.errors import UnknownRecipient
from toybackend.models import (
    DeliveryState,
    Erased,
    GroupId,
    GuardianRole,
    ItemId,
    Message,
    MessageId,
    Party,
    PartyId,
)
from toybackend.ports import Expiry, Looks

DAY = 86_400_000
HOUSES_OWN = {"revisions"}
"""Counts, and belongs to nobody."""


# ── looking ──


async def totals(database: SqlDatabase) -> dict[str, int]:
    """Rows by table."""

    def query(connection: Connection) -> dict[str, int]:
        return {
            one.name: connection.execute(select(func.count()).select_from(one)).scalar_one()
            for one in metadata.sorted_tables
            if one.name not in HOUSES_OWN
        }

    return await database._engine.read(query)


async def rows_of(database: SqlDatabase, table: Table) -> Sequence[Row[Any]]:
    return await database._engine.read(lambda connection: connection.execute(select(table)).all())


async def values(database: SqlDatabase, table: Table) -> list[object]:
    return [value for row in await rows_of(database, table) for value in row]


async def everything(database: SqlDatabase) -> str:
    """Every value of every row, to search; of boards only who they are now, because the licence stays theirs."""
    found = [await values(database, table) for table in metadata.sorted_tables if table is not devices]
    return repr([*found, await column(database, devices.c.toy_id)])


async def column(database: SqlDatabase, one: Column[str]) -> list[str]:
    return list(await database._engine.read(lambda connection: connection.execute(select(one)).scalars().all()))


async def ids(database: SqlDatabase, table: Table) -> set[str]:
    rows = await database._engine.read(lambda connection: connection.execute(select(table.c.id)).scalars().all())
    return set(rows)


async def counted(database: SqlDatabase, doing: Awaitable[Erased]) -> Erased:
    """Erase, and hold the counts to what the tables had before and have now."""
    before = await totals(database)
    erased = await doing
    after = await totals(database)
    went = {table: before[table] - after[table] for table in before if before[table] != after[table]}
    assert erased.rows == went
    return erased


# ── what there is to erase ──


async def say(database: SqlDatabase, said: Message, *, settled: bool = True) -> MessageId:
    """A message; a voice is converted at once unless it waits."""
    await accept(database, said)
    if said.is_voice and settled:
        await database.settle(said.id, said.accepted_at, sound=sound())
    return said.id


async def voice(database: SqlDatabase, sender: Party, to: Party | GroupId, *, settled: bool = True) -> MessageId:
    return await say(database, message(sender, to), settled=settled)


def family_group(toy: Party) -> GroupId:
    return GroupId("g" + toy.id[1:])


async def add_guardian(database: SqlDatabase, toy: Party, person: Party, at: int = NOW + 1) -> None:
    co = {"toy_id": toy.id, "account_id": person.id, "role": GuardianRole.CO_GUARDIAN, "since": at}
    await add_rows(database, guardians, co)
    await add_rows(database, members, {"group_id": family_group(toy), "party_id": person.id, "since": at})


async def add_item(database: SqlDatabase, owner: Party | None) -> ItemId:
    item_id = ItemId(new_id("i"))
    owner_id = owner.id if owner else None
    row = {"id": item_id, "owner_id": owner_id, "title": "Song", "category": "songs", "state": "ready", "added_at": NOW}
    await add_rows(database, items, row)
    return item_id


async def add_play(database: SqlDatabase, toy: Party, item_id: ItemId, at: int = NOW) -> str:
    play_id = new_id("y")
    await add_rows(database, plays, {"id": play_id, "toy_id": toy.id, "item_id": item_id, "started_at": at})
    return play_id


async def give_token(database: SqlDatabase, party: Party, digest: str, expires_at: int = NOW + DAY) -> None:
    await database.add_token(digest, party.id, party.kind, NOW, expires_at)


async def add_consent(database: SqlDatabase, toy: Party, person: Party, child: str = "Mia") -> None:
    row = {"toy_id": toy.id, "given_at": NOW, "given_by": person.id, "version": "1"}
    await add_rows(database, consents, row)
    name = update(toys).where(toys.c.id == toy.id).values(child_name=child)
    await database._engine.write(lambda connection: connection.execute(name))


async def furnish(database: SqlDatabase, mum: Party, bear: Party) -> None:
    """Something of every kind that a family can have."""
    await give_token(database, mum, f"token of {mum.id}")
    await give_token(database, bear, f"token of {bear.id}")
    await voice(database, mum, bear)
    await voice(database, bear, mum)
    await say(database, message(mum, bear, text="good night", ref="r"))
    await voice(database, mum, family_group(bear))
    await voice(database, bear, family_group(bear), settled=False)
    await add_play(database, bear, await add_item(database, mum))
    await add_play(database, bear, await add_item(database, None))
    await add_consent(database, bear, mum)


# ── one thing ──


async def test_a_message_goes_with_everybodys_copy(database: SqlDatabase, mum: Party, bear: Party) -> None:
    going, staying = await voice(database, mum, bear), await voice(database, mum, bear)
    erased = await counted(database, database.erase_message(going))
    assert (erased.rows, erased.sounds) == ({"messages": 1, "deliveries": 1}, (going,))
    assert await database.outcome(going) is None
    assert await database.outcome(staying) is not None
    assert going not in await everything(database)


async def test_a_text_has_no_sound(database: SqlDatabase, mum: Party, bear: Party) -> None:
    going = await say(database, message(mum, bear, text="hello"))
    assert (await counted(database, database.erase_message(going))).sounds == ()


async def test_what_waited_for_a_message_that_goes_is_published(database: SqlDatabase, mum: Party, bear: Party) -> None:
    await hear(database, await voice(database, mum, bear), bear)
    first = await voice(database, mum, bear, settled=False)
    second = await voice(database, mum, bear)
    assert (await database.mailbox(bear.id)).unread == 0
    erased = await counted(database, database.erase_message(first))
    assert erased.woken == (bear.id,)
    assert [one.message.id for one in await database.waiting(bear.id, 1, 1, 10)] == [second]


async def test_what_is_not_there_erases_nothing(database: SqlDatabase, mum: Party, bear: Party) -> None:
    await furnish(database, mum, bear)
    for doing in (
        database.erase_message(MessageId("m_none")),
        database.erase_item(ItemId("i_none")),
        database.erase_group("g_none"),
        database.erase_sayings(PartyId("t_none")),
        database.erase_toy(PartyId("t_none")),
        database.erase_account(PartyId("p_none")),
        database.erase_family(PartyId("p_none")),
    ):
        assert await counted(database, doing) == Erased({}, ())


async def test_an_item_goes_with_its_plays(database: SqlDatabase, mum: Party, bear: Party) -> None:
    going, staying = await add_item(database, mum), await add_item(database, mum)
    await add_play(database, bear, going)
    kept = await add_play(database, bear, staying)
    erased = await counted(database, database.erase_item(going))
    assert (erased.rows, erased.sounds) == ({"items": 1, "plays": 1}, (going,))
    assert await ids(database, plays) == {kept}


async def test_a_group_goes_with_what_was_said_in_it(database: SqlDatabase, mum: Party, bear: Party) -> None:
    group_id = await add_group(database, mum, bear)
    said = await voice(database, mum, group_id)
    elsewhere = await voice(database, mum, bear)
    erased = await counted(database, database.erase_group(group_id))
    assert erased.rows == {"groups": 1, "members": 2, "messages": 1, "deliveries": 1}
    assert (erased.sounds, await ids(database, messages)) == ((said,), {elsewhere})


async def test_more_than_fits_into_one_statement_goes_at_once(
    database: SqlDatabase, mum: Party, bear: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "BATCH", 3)
    group_id = await add_group(database, mum, bear)
    for _ in range(7):
        await say(database, message(mum, group_id, text="again"))
    assert (await counted(database, database.erase_group(group_id))).rows["messages"] == 7


# ── a toy ──


async def test_nothing_of_a_toy_is_left(database: SqlDatabase, mum: Party, bear: Party) -> None:
    await furnish(database, mum, bear)
    sounds = await ids(database, messages)
    erased = await counted(database, database.erase_toy(bear.id))
    assert {"parties", "toys", "guardians", "groups", "members", "messages", "deliveries", "plays"} <= set(erased.rows)
    assert {"consents", "tokens", "mailboxes"} <= set(erased.rows)
    assert erased.parties == (bear.id,)
    assert set(erased.sounds) < sounds  # the text has none
    found = await everything(database)
    assert [what for what in (bear.id, family_group(bear), "Bear", "Mia", "good night") if what in found] == []
    assert await database.toy(bear.id) is None


async def test_the_board_of_an_erased_toy_is_a_new_toy(database: SqlDatabase, mum: Party) -> None:
    await database.add_devices([("licence", PartyId("d_1"))], NOW)  # type: ignore[list-item]
    await database.switch_on("licence", PartyId("t_first"), "token", NOW, NOW + DAY)
    await counted(database, database.erase_toy(PartyId("t_first")))
    assert {"licence", None} < set(await values(database, devices))
    await database.switch_on("licence", PartyId("t_second"), "token", NOW, NOW + DAY)
    found = await everything(database)
    assert ("t_second" in found, "t_first" in found) == (True, False)


async def test_erasing_a_toy_leaves_its_guardians_what_is_theirs(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    fox = await add_toy(database, "Fox", mum)
    await add_guardian(database, bear, dad)
    await add_guardian(database, fox, dad)
    kept = [await voice(database, mum, dad), await voice(database, mum, fox), await voice(database, fox, dad)]
    await voice(database, mum, bear)
    song = await add_item(database, mum)
    await counted(database, database.erase_toy(bear.id))
    assert await ids(database, messages) == set(kept)
    assert await ids(database, items) == {song}
    assert {one.id for one in await database.toys_of(dad.id)} == {fox.id}


async def test_the_others_of_a_group_keep_what_was_said_in_it(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, mum, dad)
    group_id = await add_group(database, mum, dad, bear)
    said = await voice(database, mum, group_id)
    await counted(database, database.erase_toy(bear.id))
    assert [one.message.id for one in await database.waiting(dad.id, 0, 0, 10)] == [said]


async def test_what_only_those_had_who_go_goes_too(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await add_contact(database, mum, dad)
    group_id = await add_group(database, mum, dad, bear)
    to_both = await voice(database, mum, group_id)
    await database._engine.write(
        lambda connection: connection.execute(deliveries.delete().where(deliveries.c.recipient_id == dad.id))
    )
    erased = await counted(database, database.erase_toy(bear.id))
    assert to_both in erased.sounds
    assert await ids(database, messages) == set()


async def test_open_sockets_can_learn_that_somebody_went(database: SqlDatabase, mum: Party, bear: Party) -> None:
    said = await voice(database, mum, bear)
    before = await database.revision()
    await database.erase_message(said)
    assert await database.revision() == before
    await database.erase_toy(bear.id)
    assert await database.revision() > before


async def test_sayings_go_and_the_toy_stays(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await furnish(database, mum, bear)
    await add_guardian(database, bear, dad)
    to_family = await voice(database, mum, family_group(bear))
    apart = await voice(database, mum, dad)
    erased = await counted(database, database.erase_sayings(bear.id))
    assert set(erased.rows) == {"messages", "deliveries", "plays"}
    assert erased.parties == ()
    assert await ids(database, messages) == {to_family, apart}  # dad has his copy of both
    assert await database.toy(bear.id) is not None
    assert (await database.mailbox(bear.id)).unread == 0


# ── a person ──


async def test_nothing_of_a_person_and_their_toy_is_left(database: SqlDatabase, mum: Party, bear: Party) -> None:
    await furnish(database, mum, bear)
    erased = await counted(database, database.erase_account(mum.id))
    assert set(erased.parties) == {mum.id, bear.id}
    found = await everything(database)
    traces = (mum.id, bear.id, family_group(bear), "Mum", "mum", "Bear", "Mia", "good night")
    assert [what for what in traces if what in found] == []
    left = {table: count for table, count in (await totals(database)).items() if count}
    assert left == {"devices": 1, "items": 1}  # the board, and the song on the shelf


async def test_a_family_beside_it_is_untouched(database: SqlDatabase, mum: Party, bear: Party) -> None:
    aunt = await add_person(database, "Aunt")
    owl = await add_toy(database, "Owl", aunt)
    await furnish(database, aunt, owl)
    before = await rows_without(database, mum, bear)
    await furnish(database, mum, bear)
    await add_contact(database, mum, aunt)
    await voice(database, aunt, mum)
    await voice(database, mum, aunt)
    await counted(database, database.erase_account(mum.id))
    assert await rows_without(database, mum, bear) == before


async def rows_without(database: SqlDatabase, *parties: Party) -> dict[str, list[str]]:
    """By table, what is not about these; but not how far mailboxes have counted, nor what the whole house has."""
    suffixes = [one.id[1:] for one in parties]
    found = {}
    for table in metadata.sorted_tables:
        if table.name not in {"revisions", "devices", "mailboxes"} and table is not items:
            rows = [repr(row) for row in await rows_of(database, table)]
            found[table.name] = [row for row in rows if not any(one in row for one in suffixes)]
    return found


async def test_a_toy_that_others_guard_stays_and_passes_on(database: SqlDatabase, mum: Party, bear: Party) -> None:
    dad, gran = [await add_person(database, name) for name in ("Dad", "Gran")]
    await add_guardian(database, bear, gran, NOW + 2)
    await add_guardian(database, bear, dad, NOW + 1)
    said = await voice(database, dad, bear)
    await voice(database, mum, bear)
    erased = await counted(database, database.erase_account(mum.id))
    assert erased.parties == (mum.id,)
    assert [(one.id, one.role) for one in await database.guardians(bear.id)] == [
        (dad.id, GuardianRole.OWNER),
        (gran.id, GuardianRole.CO_GUARDIAN),
    ]
    assert await ids(database, messages) == {said}
    assert mum.id not in await everything(database)


async def test_a_co_guardian_who_goes_leaves_the_owner_in_place(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_guardian(database, bear, dad)
    await counted(database, database.erase_account(dad.id))
    assert [(one.id, one.role) for one in await database.guardians(bear.id)] == [(mum.id, GuardianRole.OWNER)]


async def test_without_a_consent_no_childs_name_stays(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_guardian(database, bear, dad)
    await add_consent(database, bear, mum)
    await counted(database, database.erase_account(mum.id))
    toy = await database.toy(bear.id)
    assert toy is not None
    assert toy.child_name == ""


async def test_a_name_that_another_guardian_agreed_to_stays(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_guardian(database, bear, dad)
    await add_consent(database, bear, dad)
    await counted(database, database.erase_account(mum.id))
    toy = await database.toy(bear.id)
    assert toy is not None
    assert toy.child_name == "Mia"


async def test_turns_in_conversion_do_not_remember_who_went(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_guardian(database, bear, dad)
    waiting = await voice(database, dad, bear, settled=False)
    assert [one.family for one in await database.unconverted()] == [mum.id]  # the first of the two
    await counted(database, database.erase_account(mum.id))
    assert [(one.id, one.family) for one in await database.unconverted()] == [(waiting, dad.id)]


async def test_a_group_passes_to_the_person_who_is_in_it_longest(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    gran = await add_person(database, "Gran")
    group_id = await add_group(database, bear)
    own = update(groups).where(groups.c.id == group_id).values(owner_id=mum.id)
    await database._engine.write(lambda connection: connection.execute(own))
    for at, one in enumerate((mum, gran, dad), NOW + 1):
        await add_rows(database, members, {"group_id": group_id, "party_id": one.id, "since": at})
    await counted(database, database.erase_account(mum.id))
    assert gran.id in await values(database, groups)


async def test_a_group_without_a_person_goes(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    owl = await add_toy(database, "Owl", dad)
    await add_contact(database, bear, owl)
    toys_only = await add_group(database, mum, bear, owl)
    await voice(database, owl, toys_only)
    await counted(database, database.erase_account(mum.id))
    assert await ids(database, groups) == {family_group(owl)}
    assert await ids(database, messages) == set()


async def test_a_family_goes_as_a_whole(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    gran, stranger = [await add_person(database, name) for name in ("Gran", "Stranger")]
    fox = await add_toy(database, "Fox", gran)
    owl = await add_toy(database, "Owl", stranger)
    await add_guardian(database, bear, dad)
    await add_guardian(database, fox, dad)  # dad is family to both
    await furnish(database, mum, bear)
    await furnish(database, gran, fox)
    erased = await counted(database, database.erase_family(mum.id))
    assert set(erased.parties) == {mum.id, dad.id, gran.id, bear.id, fox.id}
    assert [one.id for one in await database.toys_of(stranger.id)] == [owl.id]


async def test_whoever_was_erased_meanwhile_is_an_unknown_recipient(
    database: SqlDatabase, mum: Party, bear: Party
) -> None:
    said = message(mum, bear, text="are you there?")
    await database.erase_toy(bear.id)
    with pytest.raises(UnknownRecipient):
        await accept(database, said)
    assert await ids(database, messages) == set()


# ── what is over ──


def by(heard: int = NOW - DAY, unheard: int = NOW - DAY, originals: int = NOW - DAY) -> Expiry:
    return Expiry(heard=heard, unheard=unheard, originals=originals)


async def hear(database: SqlDatabase, message_id: MessageId, party: Party, at: int = NOW) -> None:
    assert await database.advance(message_id, party.id, DeliveryState.HEARD, at) is not None


@pytest.mark.parametrize(("heard_at", "goes"), [(NOW, True), (NOW + 1, False)])
async def test_what_was_heard_goes_in_time(
    database: SqlDatabase, mum: Party, bear: Party, heard_at: int, goes: bool
) -> None:
    said = await voice(database, mum, bear)
    await hear(database, said, bear, heard_at)
    erased = await counted(database, database.erase_expired(by(heard=NOW), 10))
    assert erased.sounds == ((said,) if goes else ())


async def test_what_one_member_did_not_hear_stays(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await add_contact(database, mum, dad)
    said = await voice(database, mum, await add_group(database, mum, dad, bear))
    await hear(database, said, bear)
    assert (await counted(database, database.erase_expired(by(heard=NOW + DAY), 10))).sounds == ()
    await hear(database, said, dad)
    assert (await counted(database, database.erase_expired(by(heard=NOW + DAY), 10))).sounds == (said,)


@pytest.mark.parametrize("settled", [True, False])
async def test_what_nobody_heard_goes_later(database: SqlDatabase, mum: Party, bear: Party, settled: bool) -> None:
    said = await voice(database, mum, bear, settled=settled)
    assert (await counted(database, database.erase_expired(by(heard=NOW + DAY, unheard=NOW - 1), 10))).sounds == ()
    assert (await counted(database, database.erase_expired(by(unheard=NOW), 10))).sounds == (said,)


async def test_what_failed_goes_as_if_it_was_heard(database: SqlDatabase, mum: Party, bear: Party) -> None:
    said = await voice(database, mum, bear, settled=False)
    await database.settle(said, NOW + 5, failure="bad_audio")
    assert (await counted(database, database.erase_expired(by(heard=NOW + 4), 10))).sounds == ()
    assert (await counted(database, database.erase_expired(by(heard=NOW + 5), 10))).sounds == (said,)


async def test_what_is_over_goes_in_batches_oldest_first(database: SqlDatabase, mum: Party, bear: Party) -> None:
    said = [await say(database, message(mum, bear, at=NOW + at)) for at in (3, 1, 2)]
    went = [(await counted(database, database.erase_expired(by(unheard=NOW + 3), 2))).sounds for _ in range(3)]
    assert [set(one) for one in went] == [{said[1], said[2]}, {said[0]}, set()]


async def test_originals_go_some_time_after_conversion(database: SqlDatabase, mum: Party, bear: Party) -> None:
    said = await voice(database, mum, bear)
    await voice(database, mum, bear, settled=False)
    await say(database, message(mum, bear, text="no recording"))
    assert await database.expired_originals(by(originals=NOW - 1), 10) == []
    assert await database.expired_originals(by(originals=NOW), 10) == [said]
    await database.originals_gone([said])
    assert await database.expired_originals(by(originals=NOW), 10) == []
    assert await database.known([said]) == {said}


async def test_secrets_that_are_over_are_forgotten(database: SqlDatabase, mum: Party, bear: Party) -> None:
    await give_token(database, mum, "over", NOW)
    await give_token(database, bear, "good", NOW + 1)
    await add_rows(database, invitations, *({"digest": f"i{at}", "expires_at": at} for at in (NOW, NOW + 1)))
    await add_rows(database, used_nonces, *({"nonce": f"n{at}", "expires_at": at} for at in (NOW, NOW + 1)))
    item = await add_item(database, None)
    kept = [await add_play(database, bear, item, at) for at in (NOW - 1, NOW)][1:]
    before = await database.revision()
    await database.forget_expired(NOW, NOW - 1)
    assert await database.revision() > before
    found = {table.name: await values(database, table) for table in (tokens, invitations, used_nonces)}
    assert ("over" in found["tokens"], "good" in found["tokens"]) == (False, True)
    assert found["invitations"] == [f"i{NOW + 1}", NOW + 1]
    assert found["used_nonces"] == [f"n{NOW + 1}", NOW + 1]
    assert await ids(database, plays) == set(kept)
    await database.forget_expired(NOW + 2 * FAR, NOW)
    assert await values(database, claims) == []


async def test_looks_are_remembered(database: SqlDatabase, connect: OpenDatabase) -> None:
    assert await database.looks() == Looks()
    for looks in (Looks(1, 2, 3), Looks(NOW, None, NOW), replace(Looks(), trusted_at=NOW)):
        await database.note_looks(looks)
        async with connect() as other:
            assert await other.looks() == looks
