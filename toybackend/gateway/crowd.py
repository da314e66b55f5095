"""Many at something of which there is only so much: whoever has been at it for longest gives way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Crowd(Generic[T]):
    """At most `most` in all, held by its members; `shed` ends the one that has to go.

    Refusing newcomers would be simpler, and would let whoever holds everything, and does nothing with it, keep all
    others out. An honest member is done in a moment, and is then no longer in here.
    """

    def __init__(self, most: int, shed: Callable[[T], None]) -> None:
        self._most = most
        self._shed = shed
        self._held: OrderedDict[T, int] = OrderedDict()
        self._total = 0

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[T]:
        """Those who are here now; whoever goes meanwhile is given all the same."""
        return iter(tuple(self._held))

    @property
    def total(self) -> int:
        return self._total

    def hold(self, member: T, amount: int = 1) -> None:
        """It has so much now; the order is that in which they came. `member` itself may be the one that goes."""
        self._total += amount - self._held.get(member, 0)
        self._held[member] = amount
        while self._total > self._most:
            longest, freed = self._held.popitem(last=False)
            self._total -= freed
            self._shed(longest)

    def leave(self, member: T) -> bool:
        """It is done. False where it was not here, or has been shed."""
        freed = self._held.pop(member, 0)
        self._total -= freed
        return freed > 0
