"""What was expected against what was seen, one to one in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expected:
    """Something that happens at `at`, and is right from `start` to `end`. Seconds of video."""

    at: float
    start: float
    end: float
    key: str = ""
    kind: str = ""
    """What it is, a class name; not compared, only counted when it agrees."""
    is_optional: bool = False
    """Right to see and right to miss."""


@dataclass(frozen=True, slots=True)
class Seen:
    at: float
    key: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Matched:
    pairs: list[tuple[Expected, Seen]]
    missed: list[Expected]
    extra: list[Seen]


def greedy(expected: Sequence[Expected], seen: Sequence[Seen]) -> Matched:
    """Each that was seen, in the order of time, takes the nearest that is still free, of its key,
    and whose span it is in. What is optional is never missed.
    """
    free = list(expected)
    pairs, extra = [], []
    for one in sorted(seen, key=lambda s: s.at):
        fits = [e for e in free if e.key == one.key and e.start <= one.at <= e.end]
        if not fits:
            extra.append(one)
            continue
        nearest = min(fits, key=lambda e: abs(e.at - one.at))
        free.remove(nearest)
        pairs.append((nearest, one))
    return Matched(pairs, [e for e in free if not e.is_optional], extra)
