"""Who may do what: the table as people read it, and what must hold whatever stands in it."""

from __future__ import annotations

from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.authority import expected
from toybackend.errors import NotAllowed, NotFound, Refused, UnknownRecipient
from toybackend.models import PartyId, QuietHours, Standing
from toybackend.ports import Relation
from toybackend.services.policy import Action, Decision, check, check_may_send, decide

YOU, THIRD = PartyId("t_you"), PartyId("p_third")

GUARDIANS = {Standing.OWNER, Standing.CO_GUARDIAN}
OVER_A_TOY = {
    Action.SEND_NOW,
    Action.SEE_TOY,
    Action.CHANGE_TOY,
    Action.UNBIND_TOY,
    Action.INVITE_GUARDIAN,
    Action.REMOVE_GUARDIAN,
    Action.CONSENT,
    Action.PLAY,
}
OVER_THE_HOUSE = {Action.OPERATE, Action.CURATE_SHELF}

standings = st.sampled_from(Standing)
actions = st.sampled_from(Action)


# ── the table ──


@pytest.mark.parametrize(("cell", "decision"), expected().items(), ids=lambda one: ":".join(one))
def test_the_table(cell: tuple[Standing, Action], decision: Decision) -> None:
    assert decide(*cell) is decision


def test_the_table_has_a_cell_for_everybody_and_everything() -> None:
    assert set(expected()) == set(product(Standing, Action))


def test_check_says_what_the_table_says() -> None:
    errors: dict[Decision, type[Refused] | None] = {
        Decision.ALLOWED: None,
        Decision.FORBIDDEN: NotAllowed,
        Decision.HIDDEN: NotFound,
    }
    for cell, decision in expected().items():
        assert refusal(*cell) is errors[decision], cell


def refusal(standing: Standing, action: Action) -> type[Refused] | None:
    try:
        check(standing, action)
    except Refused as refused:
        return type(refused)
    return None


# ── what must hold ──


@given(actions)
def test_a_stranger_may_nothing(action: Action) -> None:
    assert decide(Standing.STRANGER, action) is not Decision.ALLOWED


@given(actions)
def test_a_stranger_learns_nothing_of_families(action: Action) -> None:
    if action not in OVER_THE_HOUSE:
        assert decide(Standing.STRANGER, action) is Decision.HIDDEN


@given(standings)
def test_only_guardians_command_a_toy(standing: Standing) -> None:
    allowed = {action for action in OVER_A_TOY if decide(standing, action) is Decision.ALLOWED}
    assert not allowed or standing in GUARDIANS


@given(actions)
def test_a_block_adds_no_right(action: Action) -> None:
    if decide(Standing.BLOCKED, action) is Decision.ALLOWED:
        assert decide(Standing.CONTACT, action) is Decision.ALLOWED


def test_a_block_takes_away_what_contacts_are_for() -> None:
    for action in (Action.SEND, Action.ADD_TO_GROUP):
        assert decide(Standing.CONTACT, action) is Decision.ALLOWED
        assert decide(Standing.BLOCKED, action) is not Decision.ALLOWED


@given(actions)
def test_a_co_guardian_may_nothing_that_the_owner_may_not(action: Action) -> None:
    if decide(Standing.CO_GUARDIAN, action) is Decision.ALLOWED:
        assert decide(Standing.OWNER, action) is Decision.ALLOWED


@given(actions)
def test_a_member_may_nothing_that_the_owner_of_the_group_may_not(action: Action) -> None:
    if decide(Standing.MEMBER, action) is Decision.ALLOWED:
        assert decide(Standing.GROUP_OWNER, action) is Decision.ALLOWED


@given(actions)
def test_an_operator_runs_the_house_and_no_family(action: Action) -> None:
    assert (decide(Standing.OPERATOR, action) is Decision.ALLOWED) is (action in OVER_THE_HOUSE)
    assert (decide(Standing.OPERATOR, action) is Decision.HIDDEN) is (action not in OVER_THE_HOUSE)


@given(standings, actions)
def test_only_who_knows_is_told_no(standing: Standing, action: Action) -> None:
    """Whoever is forbidden one thing may do another to the same, and so knows of it; the house is known to all."""
    if decide(standing, action) is Decision.FORBIDDEN and action not in OVER_THE_HOUSE:
        assert any(decide(standing, other) is Decision.ALLOWED for other in Action)


@given(standings, actions)
def test_only_the_house_is_the_operators(standing: Standing, action: Action) -> None:
    if action in OVER_THE_HOUSE:
        assert (decide(standing, action) is Decision.ALLOWED) is (standing is Standing.OPERATOR)


# ── sending ──


def outcome(relation: Relation, *, now: bool = False) -> type[Refused] | None:
    try:
        check_may_send(relation, now=now)
    except Refused as refused:
        return type(refused)
    return None


relations = st.builds(
    Relation,
    standing=standings,
    recipients=st.lists(st.sampled_from([YOU, THIRD]), unique=True).map(tuple),
    family=st.text(max_size=3),
    is_paused=st.booleans(),
    quiet_hours=st.sampled_from([{}, {YOU: QuietHours(ZoneInfo("UTC"))}]),
)


@pytest.mark.parametrize(
    ("who", "relation", "ordinary", "urgent"),
    [
        ("owner", Relation(Standing.OWNER, (YOU,)), None, None),
        ("co-guardian", Relation(Standing.CO_GUARDIAN, (YOU,)), None, None),
        ("toy to its guardian", Relation(Standing.WARD, (YOU,)), None, NotAllowed),
        ("guardian to guardian", Relation(Standing.FAMILY, (YOU,)), None, NotAllowed),
        ("agreed contact", Relation(Standing.CONTACT, (YOU,)), None, NotAllowed),
        ("member of the group", Relation(Standing.MEMBER, (YOU, THIRD)), None, NotAllowed),
        ("owner of the group", Relation(Standing.GROUP_OWNER, (YOU,)), None, NotAllowed),
        ("owner, paused", Relation(Standing.OWNER, (YOU,), is_paused=True), NotAllowed, NotAllowed),
        ("blocked contact", Relation(Standing.BLOCKED, (YOU,)), NotAllowed, NotAllowed),
        ("stranger", Relation(Standing.STRANGER, ()), UnknownRecipient, UnknownRecipient),
        (
            "stranger to a paused toy",
            Relation(Standing.STRANGER, (), is_paused=True),
            UnknownRecipient,
            UnknownRecipient,
        ),
        ("to themselves", Relation(Standing.SELF, ()), UnknownRecipient, UnknownRecipient),
        ("operator", Relation(Standing.OPERATOR, (YOU,)), UnknownRecipient, UnknownRecipient),
        ("alone in the group", Relation(Standing.MEMBER, ()), UnknownRecipient, NotAllowed),
    ],
)
def test_who_may_send(
    who: str, relation: Relation, ordinary: type[Refused] | None, urgent: type[Refused] | None
) -> None:
    assert (outcome(relation), outcome(relation, now=True)) == (ordinary, urgent), who


@given(relations, st.booleans())
def test_whoever_sends_may_and_reaches_somebody_who_is_not_paused(relation: Relation, now: bool) -> None:
    may = decide(relation.standing, Action.SEND) is Decision.ALLOWED
    may_now = not now or relation.standing in GUARDIANS
    is_open = bool(relation.recipients) and not relation.is_paused
    assert (outcome(relation, now=now) is None) is (may and may_now and is_open)


@given(relations, st.booleans())
def test_who_was_never_let_in_gets_the_answer_for_what_does_not_exist(relation: Relation, now: bool) -> None:
    if decide(relation.standing, Action.SEND) is Decision.HIDDEN:
        assert outcome(relation, now=now) is UnknownRecipient


@given(relations)
def test_hurry_lets_nobody_in(relation: Relation) -> None:
    if outcome(relation, now=True) is None:
        assert outcome(relation) is None
