"""Who may talk to whom. Pure, and deny by default."""

from __future__ import annotations

from toybackend.errors import NotAllowed, UnknownRecipient
from toybackend.ports import Relation


def check_may_send(relation: Relation) -> None:
    """Raises UnknownRecipient or NotAllowed.

    Whoever has nothing to do with the addressee gets the same answer as for an id that does not exist; only
    somebody who was let in before learns that they are now kept out.
    """
    if not relation.recipients:
        raise UnknownRecipient
    if not (relation.is_guardian or relation.is_contact or relation.is_member):
        raise UnknownRecipient
    if relation.is_blocked:
        raise NotAllowed
