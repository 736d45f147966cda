"""What boxes have in their caches, remembered from one session to the next.

Only in memory: after a restart of the server every box is asked (``messages.Recount``). A box says
in its ``Hello`` by a digest what it has, and is asked only where that is not what is known here.
"""

from __future__ import annotations

from collections import OrderedDict

from loa.codecs.control.messages import Hello, Inventory, inventory_digest
from loa.streamer.counters import Counters

MOST_BOXES = 50_000
MOST_OF_A_BOX = 5_000


class Inventories:
    """See the module. The hashes themselves are shared by all boxes that have the same audio."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._boxes: OrderedDict[int, set[bytes]] = OrderedDict()
        self._names: dict[bytes, bytes] = {}

    def of(self, receiver: int, hello: Hello) -> tuple[set[bytes], bool]:
        """Return what a box has, to be kept up by ``take``, and whether it must be asked."""
        known = self._boxes.get(receiver)
        if known is None or hello.inventory != inventory_digest(known):
            known = self._boxes[receiver] = set()
            empty = hello.inventory == inventory_digest(())
        else:
            empty = True
        self._boxes.move_to_end(receiver)
        if len(self._boxes) > MOST_BOXES:
            self._boxes.popitem(last=False)
        return known, not empty

    def take(self, cached: set[bytes], said: Inventory) -> None:
        """Take what a box said into what is known of it."""
        if said.all:
            cached.clear()
        cached.difference_update(said.remove)
        for hash in said.add:
            if len(cached) >= MOST_OF_A_BOX:
                self._counters.add("fleet.inventory.full")
                break
            cached.add(self._names.setdefault(hash, hash))

    def sweep(self) -> None:
        """Forget the names of what no box has any more; now and then."""
        used = set().union(*self._boxes.values())
        self._names = {name: name for name in used}
