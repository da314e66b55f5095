"""Who may do what: one table, pure, and deny by default.

A row is what somebody is to the party, group, message or house that an action is about (`Standing`); what is not in
the table is hidden: whoever has nothing to do with something gets the same answer as for what does not exist. Only
those who know of it anyway learn that they are refused.

The gateway and every route ask here and nowhere else. Who may *be* a standing is the database's business
(`ports/relations.py`); both families' guardians agree before anybody is a CONTACT.
"""

from __future__ import annotations

from enum import StrEnum

from toybackend.errors import NotAllowed, NotFound, Refused, UnknownRecipient
from toybackend.models import Standing
from toybackend.ports import Relation


class Action(StrEnum):
    """Everything that needs authority over something."""

    SEND = "send"
    """Voice and text."""
    SEND_NOW = "send_now"
    """The same, quiet hours or not."""
    READ_HISTORY = "read_history"
    """Each sees there what they sent and what was sent to them."""
    DELETE_MESSAGE = "delete_message"
    """For everybody, as or for its sender, or for the toy that got it."""
    SEE_TOY = "see_toy"
    CHANGE_TOY = "change_toy"
    UNBIND_TOY = "unbind_toy"
    INVITE_GUARDIAN = "invite_guardian"
    REMOVE_GUARDIAN = "remove_guardian"
    """Another one; everybody may go."""
    CONSENT = "consent"
    PLAY = "play"
    """Songs and stories on this toy."""
    HEAR_RECORDING = "hear_recording"
    """An item that is this person's own."""
    CHANGE_RECORDING = "change_recording"
    """Rename or remove one."""
    ANSWER_FOR = "answer_for"
    """Ask for, agree to, name, block and end contacts, and join and leave groups, as this party."""
    ADD_TO_GROUP = "add_to_group"
    """This party, to a group of ours."""
    SEE_GROUP = "see_group"
    CHANGE_GROUP = "change_group"
    OPERATE = "operate"
    """Issue and revoke licences, invite people."""
    """Issue and revoke licences, invite people."""
    CURATE_SHELF = "curate_shelf"


class Decision(StrEnum):
    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    """They know that it is there: `not_allowed`."""
    HIDDEN = "hidden"
    """As if it did not exist: `not_found`, `unknown_recipient`."""


_MAY: dict[Standing, frozenset[Action]] = {
    Standing.SELF: frozenset(
        {Action.DELETE_MESSAGE, Action.ANSWER_FOR, Action.HEAR_RECORDING, Action.CHANGE_RECORDING}
    ),
    Standing.OWNER: frozenset(
        {
            Action.SEND,
            Action.SEND_NOW,
            Action.READ_HISTORY,
            Action.DELETE_MESSAGE,
            Action.SEE_TOY,
            Action.CHANGE_TOY,
            Action.UNBIND_TOY,
            Action.INVITE_GUARDIAN,
            Action.REMOVE_GUARDIAN,
            Action.CONSENT,
            Action.PLAY,
            Action.ANSWER_FOR,
            Action.ADD_TO_GROUP,
        }
    ),
    Standing.CO_GUARDIAN: frozenset(
        {
            Action.SEND,
            Action.SEND_NOW,
            Action.READ_HISTORY,
            Action.DELETE_MESSAGE,
            Action.SEE_TOY,
            Action.CHANGE_TOY,
            Action.CONSENT,
            Action.PLAY,
            Action.ANSWER_FOR,
            Action.ADD_TO_GROUP,
        }
    ),
    Standing.WARD: frozenset({Action.SEND, Action.READ_HISTORY}),
    Standing.FAMILY: frozenset({Action.SEND, Action.READ_HISTORY, Action.ADD_TO_GROUP, Action.HEAR_RECORDING}),
    Standing.CONTACT: frozenset({Action.SEND, Action.READ_HISTORY, Action.ADD_TO_GROUP}),
    Standing.BLOCKED: frozenset({Action.READ_HISTORY}),
    Standing.MEMBER: frozenset({Action.SEND, Action.READ_HISTORY, Action.SEE_GROUP}),
    Standing.GROUP_OWNER: frozenset({Action.SEND, Action.READ_HISTORY, Action.SEE_GROUP, Action.CHANGE_GROUP}),
    Standing.OPERATOR: frozenset({Action.OPERATE, Action.CURATE_SHELF}),
    Standing.STRANGER: frozenset(),
}

_KNOWS: dict[Standing, frozenset[Action]] = {
    Standing.CO_GUARDIAN: frozenset({Action.UNBIND_TOY, Action.INVITE_GUARDIAN, Action.REMOVE_GUARDIAN}),
    Standing.FAMILY: frozenset({Action.CHANGE_RECORDING}),
    Standing.BLOCKED: frozenset({Action.SEND}),
    Standing.MEMBER: frozenset({Action.CHANGE_GROUP}),
    Standing.STRANGER: frozenset({Action.OPERATE, Action.CURATE_SHELF}),
}
"""Who is told that they may not, because that tells them nothing new."""


PAUSED = "this toy is paused until a guardian agrees again to what is kept about the child"


def decide(standing: Standing, action: Action) -> Decision:
    """The table, read."""
    if action in _MAY[standing]:
        return Decision.ALLOWED
    return Decision.FORBIDDEN if action in _KNOWS.get(standing, frozenset()) else Decision.HIDDEN


def check(standing: Standing, action: Action, *, hidden: type[Refused] = NotFound) -> None:
    """Raises NotAllowed, or `hidden`."""
    match decide(standing, action):
        case Decision.FORBIDDEN:
            raise NotAllowed
        case Decision.HIDDEN:
            raise hidden


def check_may_send(relation: Relation, *, now: bool = False) -> None:
    """May this go its way, and `now` even through quiet hours? Raises UnknownRecipient or NotAllowed."""
    check(relation.standing, Action.SEND, hidden=UnknownRecipient)
    if now and decide(relation.standing, Action.SEND_NOW) is not Decision.ALLOWED:
        raise NotAllowed("only a guardian may have a message played during quiet hours")
    if relation.is_paused:
        # Why is the family's own business.
        raise NotAllowed(PAUSED if relation.standing in (Standing.OWNER, Standing.CO_GUARDIAN) else None)
    if not relation.recipients:
        raise UnknownRecipient
