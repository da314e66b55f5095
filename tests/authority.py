"""Who may do what, written out a second time for people to read; the tests hold `services/policy.py` to it.

A column is what somebody is to the party, the group or the house that an action is about:

    self       themselves                      group_owner   made the group
    owner      took the toy home               member        is in the group
    co_guard   guards the toy too              operator      runs the server
    ward       the toy, to its guardian        stranger      nothing of all this: a contact that is not agreed, or was
    family     guards a toy together with           refused or ended, another family's toy, an operator to a family,
    contact    both sides agreed                    whoever guesses an id
    blocked    both agreed, and one side blocks

A cell says `may`; `no` for those who are told that they may not, because they know of it anyway; and `·` for those to
whom it is as if there were nothing: they get the answer for what does not exist.
"""

from __future__ import annotations

from toybackend.models import Standing
from toybackend.services.policy import Action, Decision

TABLE = """
                 self  owner  co_guard  ward  family  contact  blocked  member  group_owner  operator  stranger

send              ·     may    may       may   may     may      no       may     may          ·         ·
send_now          ·     may    may       ·     ·       ·        ·        ·       ·            ·         ·
read_history      ·     may    may       may   may     may      may      may     may          ·         ·
delete_message    may   may    may       ·     ·       ·        ·        ·       ·            ·         ·

see_toy           ·     may    may       ·     ·       ·        ·        ·       ·            ·         ·
change_toy        ·     may    may       ·     ·       ·        ·        ·       ·            ·         ·
consent           ·     may    may       ·     ·       ·        ·        ·       ·            ·         ·
play              ·     may    may       ·     ·       ·        ·        ·       ·            ·         ·
invite_guardian   ·     may    no        ·     ·       ·        ·        ·       ·            ·         ·
remove_guardian   ·     may    no        ·     ·       ·        ·        ·       ·            ·         ·
unbind_toy        ·     may    no        ·     ·       ·        ·        ·       ·            ·         ·

hear_recording    may   ·      ·         ·     may     ·        ·        ·       ·            ·         ·
change_recording  may   ·      ·         ·     no      ·        ·        ·       ·            ·         ·

answer_for        may   may    may       ·     ·       ·        ·        ·       ·            ·         ·
add_to_group      ·     may    may       ·     may     may      ·        ·       ·            ·         ·
see_group         ·     ·      ·         ·     ·       ·        ·        may     may          ·         ·
change_group      ·     ·      ·         ·     ·       ·        ·        no      may          ·         ·

operate    ·     ·      ·         ·     ·       ·        ·        ·       ·            may       no
curate_shelf      ·     ·      ·         ·     ·       ·        ·        ·       ·            may       no
"""

STANDING_TO_THE_TOY: dict[str, Standing] = {
    "bear": Standing.SELF,
    "owner": Standing.OWNER,
    "co_guardian": Standing.CO_GUARDIAN,
    "contact": Standing.CONTACT,
    "refused": Standing.STRANGER,
    "blocked": Standing.BLOCKED,
    "stranger": Standing.STRANGER,
    "other_toy": Standing.STRANGER,
    "operator": Standing.STRANGER,
}
"""What each actor of the walk over routes and frames is to the bear."""

_SHORT = {"co_guard": "co_guardian"}
_WORDS = {"may": Decision.ALLOWED, "no": Decision.FORBIDDEN, "·": Decision.HIDDEN}


def expected() -> dict[tuple[Standing, Action], Decision]:
    """The table, by cell. Raises ValueError for a word that is no standing, action or decision."""
    header, *rows = (line.split() for line in TABLE.splitlines() if line.strip())
    standings = [Standing(_SHORT.get(name, name)) for name in header]
    return {
        (standing, Action(action)): _WORDS[cell]
        for action, *cells in rows
        for standing, cell in zip(standings, cells, strict=True)
    }
