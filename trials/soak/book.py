"""What was said and who may get it: the model that every frame is held against as it comes.

It knows no server and no clock; `now` is in seconds on any clock that does not jump. What the outside cannot know it
does not judge: while a change is under way (a deletion asked for and not answered, say) either outcome is right; once
it is answered, only one is. On a socket that was told of the change itself that holds from the very next frame.

Order is judged by what surely was before: a message whose `accepted` had come when another was sent goes before it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from trials.soak.findings import Findings, Wrong
from trials.soak.sayings import AWAKE, Copy, Debt, Ear, Frame, Key, Rest, Saying, keys

GRACE = 10.0
"""Seconds after an answer in which a socket that was open before may still show what was on its way."""
PATIENCE = 30.0
"""Seconds in which a socket has to be told of what concerns it."""
STALLED = 90.0
"""Seconds after which what was accepted must have come to a socket that was open all the time."""


class Book:
    """Everything that was said."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.sayings: dict[tuple[str, str], Saying] = {}
        """By sender and ref."""
        self.by_id: dict[str, Saying] = {}
        self.ears: dict[str, list[Ear]] = defaultdict(list)
        """Open ones, by party."""
        self.counts: Counter[str] = Counter()
        self._by_text: dict[str, Saying] = {}
        self._pending: dict[str, dict[Saying, None]] = defaultdict(dict)
        """Offered and not known to be accepted, by sender."""
        self._waiting: dict[tuple[str, str], dict[Saying, None]] = defaultdict(dict)
        """Not yet at this recipient, by recipient and conversation."""
        self._urgent: dict[str, list[Saying]] = defaultdict(list)
        self._rests: dict[str, Rest] = {}
        self._plays: Counter[tuple[str, str]] = Counter()
        """Asked for, and not come: by toy and item."""

    # ── what we do ──

    def offer(self, saying: Saying) -> None:
        """Before its first byte goes out."""
        self.sayings[saying.sender, saying.ref] = saying
        self._pending[saying.sender][saying] = None
        if saying.words.text is not None:
            self._by_text[saying.words.text] = saying
        if saying.is_urgent:
            self._urgent[saying.conversation].append(saying)
        if not saying.words.must_fail:
            for recipient in saying.copies:
                self._waiting[recipient, saying.conversation][saying] = None

    def send(self, ear: Ear, saying: Saying) -> None:
        """Before each try."""
        saying.tries += 1
        self.counts["sent"] += 1
        ear.offered.add(saying.ref)

    def acknowledge(self, ear: Ear, message_id: str, now: float, *, heard: bool = False) -> None:
        """Before an `ack` or a `heard` goes out."""
        saying = self.by_id.get(message_id)
        copy = saying.copies.get(ear.party) if saying is not None else None
        if saying is None or copy is None:  # it was found fault with when it came
            return
        is_news = copy.heard_at is None if heard else copy.acknowledged_at is None and copy.heard_at is None
        if heard:
            copy.heard_at = copy.heard_at or now
        else:
            copy.acknowledged_at = copy.acknowledged_at or now
        if is_news and not copy.is_void:
            for listener in self.ears[saying.sender]:
                self.owe(listener, ("heard" if heard else "delivered", message_id, ear.party), now, because=ear)

    def open(self, ear: Ear, frame: Frame, now: float) -> None:
        """`frame` is the socket's welcome."""
        ear.is_open, ear.opened_at = True, now
        ear.rests = bool((frame.get("settings") or {}).get("quiet_until"))
        self.ears[ear.party].append(ear)

    def close(self, ear: Ear) -> None:
        ear.is_open = False
        if ear in self.ears[ear.party]:
            self.ears[ear.party].remove(ear)

    def move(self, ear: Ear, party: str) -> None:
        """The socket of a waiting toy speaks for somebody else now, or a toy for its next family."""
        self.close(ear)
        ear.party, ear.is_open = party, True
        self.ears[party].append(ear)

    def ask_to_play(self, toy: str, item: str, now: float) -> None:
        """Before it is asked for."""
        self._plays[toy, item] += 1
        for ear in self.ears[toy]:
            self.owe(ear, ("play", item), now)

    def will_not_play(self, toy: str, item: str) -> None:
        """That was the answer."""
        self._plays[toy, item] -= 1
        for ear in self.ears[toy]:
            ear.forget("play")

    def owe(self, ear: Ear, key: Key, now: float, *, because: Ear | None = None) -> None:
        """This socket has to be told that, soon."""
        if ear.is_open and not ear.is_deaf:
            ear.owed[key] = Debt(now + PATIENCE, because)

    # ── what changes ──

    def resting(self, toy: str, is_resting: bool | None, now: float) -> None:
        """What is known from now on; None before it is changed."""
        self._rests[toy] = Rest(is_resting, now)

    def rest_of(self, toy: str) -> Rest:
        return self._rests.get(toy, AWAKE)

    def taking_back(self, copies: Iterable[Copy]) -> None:
        """It is asked for that these go."""
        for copy in copies:
            copy.is_void = True

    def taken_back(self, copies: Iterable[Copy], now: float) -> None:
        """And they are gone."""
        for copy in copies:
            copy.is_void = True
            copy.gone_at = copy.gone_at or now

    def erased(self, sayings: Iterable[Saying], now: float) -> None:
        """These are gone for everybody, also for who said them."""
        for saying in sayings:
            self.taken_back(saying.copies.values(), now)
            saying.erased_at = saying.erased_at or now

    def living_by(self, party: str) -> list[Saying]:
        """What goes when this party does."""
        return [saying for saying in self.sayings.values() if party in saying.lives_by]

    def may_be_pending(self, sender: str) -> bool:
        """May there be something of theirs whose id is not known yet?"""
        return bool(self._pending[sender])

    def between(self, one: str, other: str) -> list[Saying]:
        key = "+".join(sorted((one, other)))
        return [saying for saying in self.sayings.values() if saying.conversation == key]

    # ── what we hear ──

    def hear(self, ear: Ear, frame: Frame, now: float) -> None:
        """Whatever comes on a socket after its welcome."""
        match frame["type"]:
            case "accepted":
                self._accepted(ear, frame, now)
            case "voice" | "text":
                self._arrived(ear, frame, now)
            case "delivered" | "heard":
                self._receipt(ear, frame, now)
            case "failed":
                self._failed(ear, frame)
            case "notice":
                self._notice(ear, frame, now)
            case "play":
                self._play(ear, frame)
            case "stop":
                self._stop(ear)
            case _:
                self.findings.note(Wrong.UNEXPECTED, f"{ear.party} got {frame}")
        for key in keys(frame):
            ear.owed.pop(key, None)

    def refused(self, ear: Ear, saying: Saying, code: str) -> None:
        """The answer to a header or a text."""
        ear.offered.discard(saying.ref)
        self._pending[saying.sender].pop(saying, None)
        if saying.id is not None and not saying.is_void:
            self.findings.note(Wrong.REFUSED, f"{saying}, once accepted, is refused: {code}")
        elif saying.may is True and not saying.is_void:
            self.findings.note(Wrong.REFUSED, f"{saying}: {code}")
        saying.refused = code
        self.taking_back(saying.copies.values())

    def _accepted(self, ear: Ear, frame: Frame, now: float) -> None:
        saying = self.sayings.get((ear.party, frame.get("ref") or ""))
        if saying is None or saying.ref not in ear.offered:
            self.findings.note(Wrong.UNEXPECTED, f"{ear.party} got {frame}")
            return
        ear.offered.discard(saying.ref)
        if (frame.get("to_user"), frame.get("to_group")) != (saying.to_user, saying.to_group):
            self.findings.note(Wrong.MIXED_UP, f"{saying}: {frame}")
        if saying.may is False and not saying.is_void:
            self.findings.note(Wrong.MISDELIVERED, f"past a block: {saying}")
        self._know(saying, frame["id"])
        if saying.accepted_at is None:
            saying.accepted_at = now
            self.counts["accepted"] += 1
            if saying.words.must_fail:
                self.owe(ear, ("failed", frame["id"]), now)
            self._expect_held(ear, saying, now)

    def _know(self, saying: Saying, message_id: str) -> None:
        """That it has this id."""
        self._pending[saying.sender].pop(saying, None)
        if saying.id not in (None, message_id) or self.by_id.setdefault(message_id, saying) is not saying:
            self.findings.note(Wrong.DOUBLED, f"{saying} has the id {message_id} too")
        saying.id = saying.id or message_id

    def _expect_held(self, ear: Ear, saying: Saying, now: float) -> None:
        for recipient in saying.copies:
            rest = self.rest_of(recipient)
            if rest.is_resting and rest.since < saying.offered_at and not saying.is_urgent:
                self.owe(ear, ("held", saying.id, recipient), now)

    def _arrived(self, ear: Ear, frame: Frame, now: float) -> None:
        saying = self.by_id.get(frame["id"]) or self._recognise(frame, ear.party)
        copy = saying.copies.get(ear.party) if saying is not None else None
        if saying is None or copy is None:
            self.findings.note(Wrong.MISDELIVERED, f"{ear.party} got {frame}")
            return
        self._compare(saying, frame)
        if frame["id"] in ear.seen or (copy.told_at is not None and copy.told_at < ear.opening_at):
            self.findings.note(Wrong.DOUBLED, f"{ear.party} got again: {saying}")
        ear.seen.add(frame["id"])
        if self._is_late(ear, saying, copy, now):
            self.findings.note(Wrong.AFTER_DELETION, f"{ear.party} got {saying}")
        if self._disturbs(ear, saying, now):
            self.findings.note(Wrong.WHILE_RESTING, f"{ear.party} got {saying}")
        if copy.arrived_at is not None:
            self.counts["redelivered"] += 1
            return
        copy.arrived_at = now
        self.counts["received"] += 1
        self._check_order(saying, ear.party)

    def _recognise(self, frame: Frame, recipient: str) -> Saying | None:
        """What the sender does not know yet to be accepted: a text by its words, a voice because they sent no other."""
        sender = frame["from_user"]
        if frame["type"] == "text":
            found = self._by_text.get(frame["msg"])
        else:
            found = next((one for one in self._pending[sender] if one.words.text is None), None)
        if found is None or found.id is not None or found.sender != sender or recipient not in found.copies:
            return None
        self._know(found, frame["id"])
        return found

    def _compare(self, saying: Saying, frame: Frame) -> None:
        said = (saying.sender, saying.to_user, saying.to_group, saying.words.text, saying.words.duration_ms)
        shown = tuple(frame.get(name) for name in ("from_user", "to_user", "to_group", "msg", "duration_ms"))
        if said != shown:
            self.findings.note(Wrong.MIXED_UP, f"{saying}: {shown} instead of {said}")

    def _is_late(self, ear: Ear, saying: Saying, copy: Copy, now: float) -> bool:
        """Was it gone when it came?"""
        if saying.id in ear.gone or not ear.left.isdisjoint(saying.lives_by):
            return True
        gone_at = copy.gone_at
        return gone_at is not None and (ear.opening_at > gone_at or now > gone_at + GRACE)

    def _disturbs(self, ear: Ear, saying: Saying, now: float) -> bool:
        """Does it come to a toy that rests, and is neither urgent nor before something urgent?"""
        rest = self.rest_of(ear.party)
        surely = rest.is_resting and (rest.since < ear.opening_at or rest.since + GRACE < now)
        if not ear.rests and not surely:
            return False
        return not any(not one.was_before(saying) for one in self._urgent[saying.conversation])

    def _check_order(self, saying: Saying, recipient: str) -> None:
        waiting = self._waiting[recipient, saying.conversation]
        waiting.pop(saying, None)
        earlier = [one for one in waiting if one.was_before(saying) and not one.copies[recipient].is_void]
        if earlier:
            self.findings.note(Wrong.MISORDERED, f"{recipient} got {saying} before {earlier[0]}")

    def _receipt(self, ear: Ear, frame: Frame, now: float) -> None:
        kind, message_id, recipient = frame["type"], frame["id"], frame["to_user"]
        saying = self.by_id.get(message_id) or self._pending_for(
            ear.party, message_id, lambda one: recipient in one.copies
        )
        copy = saying.copies.get(recipient) if saying is not None else None
        fault = None
        if saying is None or copy is None or saying.sender != ear.party:
            fault = "is about nothing of theirs"
        elif saying.ref in ear.offered and saying.tries == 1:
            fault = "came before it was accepted"
        elif (copy.heard_at if kind == "heard" else copy.acknowledged_at) is None:
            fault = "came before it was true"
        elif message_id in ear.gone:
            fault = "came after it was deleted"
        elif kind == "delivered" and ear.told["heard", message_id, recipient]:
            fault = "came after it was heard"
        ear.told[kind, message_id, recipient] += 1
        if fault is None and saying is not None and ear.told[kind, message_id, recipient] > saying.tries:
            fault = "came again"
        if fault is not None:
            self.findings.note(Wrong.WRONG_RECEIPTS, f"{ear.party}: {kind} {fault}: {saying or frame}")
        elif copy is not None:
            copy.told_at = copy.told_at or now

    def _pending_for(self, sender: str, message_id: str, may_be: Callable[[Saying], bool]) -> Saying | None:
        """A receipt can come before the answer that says its id: that was lost with an earlier socket, or goes another
        way."""
        found = next(filter(may_be, self._pending[sender]), None)
        if found is not None and found.id is None:
            self._know(found, message_id)
        return found

    def _failed(self, ear: Ear, frame: Frame) -> None:
        saying = self.by_id.get(frame["id"]) or self._pending_for(
            ear.party, frame["id"], lambda one: one.words.must_fail
        )
        if saying is None or saying.sender != ear.party or not saying.words.must_fail:
            self.findings.note(Wrong.UNEXPECTED, f"{ear.party} got {frame}: {saying}")
        else:
            saying.failed = True

    def _notice(self, ear: Ear, frame: Frame, now: float) -> None:
        event, about = frame["event"], frame.get("id", "")
        if event == "deleted":
            ear.gone.add(about)
        elif event == "unbound":
            ear.left.add(about)
        elif event == "settings" and "settings" in frame:
            ear.rests = frame["settings"]["quiet_until"] is not None
        elif event == "held":
            rest, saying = self.rest_of(frame["to_user"]), self.by_id.get(about)
            if rest.is_resting is False and saying is not None and rest.since + GRACE < saying.offered_at:
                self.findings.note(Wrong.UNEXPECTED, f"{ear.party} was told that {saying} is held, and nobody rests")
        elif event == "delayed":
            self.findings.note(Wrong.UNEXPECTED, f"{ear.party} was told that {self.by_id.get(about)} is delayed")

    def _play(self, ear: Ear, frame: Frame) -> None:
        self._plays[ear.party, frame["item_id"]] -= 1
        if self._plays[ear.party, frame["item_id"]] < 0:
            self.findings.note(Wrong.UNEXPECTED, f"{ear.party} got {frame}")
        if ear.rests:
            self.findings.note(Wrong.WHILE_RESTING, f"{ear.party} got {frame}")

    def _stop(self, ear: Ear) -> None:
        if ear.stops:
            ear.stops -= 1
        elif not ear.rests and self.rest_of(ear.party).is_resting is False:
            self.findings.note(Wrong.UNEXPECTED, f"{ear.party} was told to stop, and nobody had asked")

    # ── what has not come ──

    def overdue(self, now: float) -> None:
        """Look for what sockets should have been told by now."""
        for ears in self.ears.values():
            for ear in ears:
                for key in [key for key, debt in ear.owed.items() if debt.due < now]:
                    self._unpaid(ear, key, ear.owed.pop(key))
        for (recipient, _), waiting in self._waiting.items():
            for saying in list(waiting):
                if self._is_stalled(saying, recipient, now):
                    del waiting[saying]
                    self.findings.note(Wrong.MISSING, f"{recipient} still waits for {saying}")

    def _unpaid(self, ear: Ear, key: Key, debt: Debt) -> None:
        about = next((self.by_id[part] for part in key if part in self.by_id), None)
        may_be_lost = debt.because is not None and not debt.because.is_open
        is_over = about is not None and key[0] != "deleted" and any(copy.is_void for copy in about.copies.values())
        if not (ear.is_deaf or may_be_lost or is_over):
            self.findings.note(Wrong.MISSING, f"{ear.party} was never told {key}")

    def _is_stalled(self, saying: Saying, recipient: str, now: float) -> bool:
        rest, copy = self.rest_of(recipient), saying.copies[recipient]
        since = max(saying.accepted_at or now, rest.since if rest.is_resting is False else now)
        was_there = any(ear.opened_at + STALLED < now and not ear.is_deaf for ear in self.ears[recipient])
        return since + STALLED < now and was_there and not copy.is_void

    def under_way(self) -> list[tuple[Saying, str]]:
        """What was accepted and is not at a recipient whom it must reach, with that recipient."""
        return [
            (saying, recipient)
            for (recipient, _), waiting in self._waiting.items()
            for saying in waiting
            if saying.id is not None and not saying.copies[recipient].is_void
        ]
