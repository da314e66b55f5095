"""Who may talk to whom: the table, and that nothing beside it is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toybackend.errors import NotAllowed, Refused, UnknownRecipient
from toybackend.models import PartyId
from toybackend.ports import Relation
from toybackend.services.policy import check_may_send

ME, YOU, THIRD = PartyId("p_me"), PartyId("t_you"), PartyId("p_third")


def outcome(relation: Relation) -> type[Refused] | None:
    try:
        check_may_send(relation)
    except Refused as refused:
        return type(refused)
    return None


@pytest.mark.parametrize(
    ("who", "relation", "expected"),
    [
        ("guardian", Relation(ME, (YOU,), is_guardian=True), None),
        ("agreed contact", Relation(ME, (YOU,), is_contact=True), None),
        ("member of the group", Relation(ME, (YOU, THIRD), is_member=True), None),
        ("blocked contact", Relation(ME, (YOU,), is_contact=True, is_blocked=True), NotAllowed),
        ("blocked guardian", Relation(ME, (YOU,), is_guardian=True, is_blocked=True), NotAllowed),
        ("blocked stranger", Relation(ME, (YOU,), is_blocked=True), UnknownRecipient),
        ("stranger", Relation(ME, (YOU,)), UnknownRecipient),
        ("unknown id", Relation(ME, ()), UnknownRecipient),
        ("alone in the group", Relation(ME, (), is_member=True), UnknownRecipient),
        ("no member of the group", Relation(ME, (YOU,)), UnknownRecipient),
    ],
)
def test_the_table(who: str, relation: Relation, expected: type[Refused] | None) -> None:
    assert outcome(relation) is expected, who


relations = st.builds(
    Relation,
    sender_id=st.just(ME),
    recipients=st.lists(st.sampled_from([YOU, THIRD]), unique=True).map(tuple),
    is_guardian=st.booleans(),
    is_contact=st.booleans(),
    is_blocked=st.booleans(),
    is_member=st.booleans(),
    family=st.text(),
)


@given(relations)
def test_whoever_may_send_was_let_in_and_is_not_kept_out(relation: Relation) -> None:
    was_let_in = relation.is_guardian or relation.is_contact or relation.is_member
    may = bool(relation.recipients) and was_let_in and not relation.is_blocked
    assert (outcome(relation) is None) is may


@given(relations)
def test_who_was_never_let_in_learns_nothing(relation: Relation) -> None:
    """The same answer for an id that exists and for one that does not."""
    if outcome(relation) is NotAllowed:
        assert relation.is_guardian or relation.is_contact or relation.is_member
