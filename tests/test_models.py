"""The nouns: frozen, and their states form tables that leave nothing out."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import Any

import pytest

from tests.world import NOW, message
from toybackend import models
from toybackend.models import DELIVERY_STEPS, MESSAGE_STEPS, GroupId, Party, PartyId, PartyKind

NOUNS = [one for one in vars(models).values() if dataclasses.is_dataclass(one)]
TABLES: list[dict[Any, frozenset[Any]]] = [MESSAGE_STEPS, DELIVERY_STEPS]


@pytest.mark.parametrize("noun", NOUNS)
def test_nouns_are_frozen_and_have_slots(noun: Any) -> None:
    assert noun.__dataclass_params__.frozen
    assert "__slots__" in vars(noun)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_a_row_for_every_state_and_only_states(table: dict[StrEnum, frozenset[StrEnum]]) -> None:
    states = set(type(next(iter(table))))
    assert set(table) == states
    assert set().union(*table.values()) <= states


@pytest.mark.parametrize("table", TABLES)
def test_no_state_comes_twice_and_all_come_from_the_first(table: dict[StrEnum, frozenset[StrEnum]]) -> None:
    def after(state: StrEnum) -> set[StrEnum]:
        return set(table[state]).union(*map(after, table[state]))  # endless, were there a circle

    first, *others = table
    assert after(first) == set(others)
    assert all(state not in after(state) for state in table)


def test_a_message_is_a_voice_or_a_text() -> None:
    sender = Party(PartyId("p_1"), PartyKind.PERSON, "Mum")
    assert message(sender, GroupId("g_1")).is_voice
    assert not message(sender, GroupId("g_1"), text="", at=NOW).is_voice
