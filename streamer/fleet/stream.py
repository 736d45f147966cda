"""Which of a mount's ticks one box is sent, and how far it got. Pure.

A box is told changes; where a change is streamed to it, it is to get every tick of it once, from
the change's own tick to the next one (or to the end of what is played). ``cursor`` is the first
tick that it was not sent yet: it moves by what is sent, and by what is given up, and by nothing
else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from loa.streamer.fleet.carriage import NEVER, Entry

MOST_PARTS = 160


@dataclass(slots=True)
class Part:
    """From ``tick`` on the mount carries what ``entry`` says, and it is streamed or not."""

    tick: int
    entry: Entry
    on: bool


@dataclass(slots=True)
class Course:
    """See the module. ``parts`` are by tick, each until the next one begins."""

    cursor: int
    parts: list[Part] = field(default_factory=list)

    def tell(self, entry: Entry, on: bool) -> None:
        """From its tick on it is this, whatever was told before."""
        parts = self.parts
        while parts and parts[-1].tick >= entry.tick:
            parts.pop()
        parts.append(Part(entry.tick, entry, on))
        if len(parts) > MOST_PARTS:
            del parts[0]

    def forget(self, before: int) -> None:
        """Forget parts that were over before a tick."""
        parts = self.parts
        while len(parts) > 1 and parts[1].tick <= before:
            del parts[0]

    def at(self, tick: int) -> Part | None:
        """Return the part that a tick is in."""
        for part in reversed(self.parts):
            if part.tick <= tick:
                return part
        return None

    def run(self) -> tuple[int, int] | None:
        """Return the next ticks [first, end) that are to be sent; None: nothing that is known.

        They are of one or more parts, without a hole; ``end`` is NEVER where no end is known.
        """
        first = -1
        end = -1
        parts = self.parts
        for number, part in enumerate(parts):
            over = parts[number + 1].tick if number + 1 < len(parts) else NEVER
            if part.on:
                begin = max(part.tick, self.cursor)
                upto = min(over, part.entry.end)
                if begin < upto:
                    if first < 0:
                        first, end = begin, upto
                    elif begin == end:
                        end = upto
                    else:
                        break
                elif first >= 0:
                    break
            elif first >= 0:
                break
        return None if first < 0 else (first, end)
