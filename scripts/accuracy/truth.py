"""Hand-made counts of a video: a JSON file, read strictly.

    video, fps, size [width, height], frames?
    convention.tolerance_s
    lines[]     id, p1, p2, crossings[] {t, t_first?, t_last?, dir, class?, note?}
    zones[]     id, polygon, rule, tolerance_s?, events[] {enter_t, exit_t}, occupancy_per_frame?
    presence[]  class, t [from, to], count, tolerance_s?
    dont_care[] sentences; one that names a line and ends a span "(78.9-79.4)" excuses it there

Seconds count from the first frame; places are pixels of `size`. `dir` is left, right, up or down in
the picture. A zone's `rule` starts with "intrusion" or "loiter"; the latter says ">= 20 s".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .document import Node, load
from .match import Expected

PIXELS_MAX = 100_000.0
SECONDS_MAX = 1e7
RULES_MAX = 64
ZONE_TOLERANCE_SECONDS = 1.5

Point = tuple[float, float]

WAYS: dict[str, Point] = {
    "left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0),
}  # fmt: skip
"""The words of `dir`, with the picture's y axis pointing down."""


@dataclass(frozen=True, slots=True)
class Line:
    id: str
    points: tuple[Point, Point]
    """Fractions of the picture."""
    crossings: list[Expected]
    """The key is `to_left` or `to_right`."""
    excused: list[tuple[float, float]]
    """Spans in which either answer is right."""


@dataclass(frozen=True, slots=True)
class Zone:
    id: str
    polygon: list[Point]
    rule: str
    visits: list[tuple[float, float]]
    tolerance_seconds: float
    occupancy: list[int]
    """By frame; empty if it was not counted."""

    @property
    def is_intrusion(self) -> bool:
        return self.rule.lower().startswith("intrusion")

    @property
    def dwell_limit_seconds(self) -> float | None:
        """How long one may stay, if the rule is about that."""
        found = re.match(r"loiter.*>=?\s*(\d+(?:\.\d+)?)\s*s\b", self.rule, re.IGNORECASE)
        return float(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Presence:
    kind: str
    start: float
    end: float
    count: int
    tolerance_seconds: float


@dataclass(frozen=True, slots=True)
class Counts:
    path: Path
    video: str
    frames_per_second: float
    tolerance_seconds: float
    lines: list[Line]
    zones: list[Zone]
    presence: list[Presence] | None
    """None if it was not looked for; an empty list if nobody was there."""
    classes: frozenset[str]


def is_counts(value: object) -> bool:
    """By layout: a video, and something that was counted in it."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("video"), str)
        and any(isinstance(value.get(key), list) for key in ("lines", "zones", "presence"))
    )


def read(path: Path) -> Counts:
    root = load(path)
    width, height = (side.number(1, PIXELS_MAX) for side in _two(root.at("size")))
    size = (width, height)
    tolerance = 0.5
    if root.has("convention") and root.at("convention").has("tolerance_s"):
        tolerance = root.at("convention").at("tolerance_s").number(0, 60)
    excuses = [node.text() for node in root.optional("dont_care")]
    lines = [_line(node, size, tolerance, excuses) for node in root.optional("lines")]
    zones = [_zone(node, size) for node in root.optional("zones")]
    presence = None
    if root.has("presence"):
        presence = [_presence(node, tolerance) for node in root.at("presence").items()]
    if RULES_MAX < len(lines) + len(zones):
        root.refuse(f"has {len(lines) + len(zones)} lines and zones, at most {RULES_MAX}")
    classes = {e.kind for line in lines for e in line.crossings} | {p.kind for p in presence or []}
    classes |= {"person" for node in root.optional("zones") if _is_about_persons(node)}
    return Counts(
        path=path,
        video=root.at("video").text(),
        frames_per_second=root.at("fps").number(0.01, 1000),
        tolerance_seconds=tolerance,
        lines=lines,
        zones=zones,
        presence=presence,
        classes=frozenset(classes - {""}),
    )


def _two(node: Node) -> tuple[Node, Node]:
    found = list(node.items())
    if len(found) != 2:
        node.refuse(f"has {len(found)} items, needs 2")
    return found[0], found[1]


def _point(node: Node, size: Point) -> Point:
    x, y = _two(node)
    return x.number(0, size[0]) / size[0], y.number(0, size[1]) / size[1]


def _line(node: Node, size: Point, tolerance: float, excuses: list[str]) -> Line:
    name = node.at("id").text()
    points = _point(node.at("p1"), size), _point(node.at("p2"), size)
    if points[0] == points[1]:
        node.refuse("has no length: p1 is p2")
    along = [(b - a) * side for a, b, side in zip(*points, size, strict=True)]
    crossings = [_crossing(item, along, tolerance) for item in node.at("crossings").items()]
    return Line(name, points, crossings, [s for e in excuses for s in _excused(e, name, tolerance)])


def _crossing(node: Node, along: list[float], tolerance: float) -> Expected:
    at = node.at("t").number(0, SECONDS_MAX)
    first = node.at("t_first").number(0, SECONDS_MAX) if node.has("t_first") else at
    last = node.at("t_last").number(0, SECONDS_MAX) if node.has("t_last") else at
    if not first <= at <= last:
        node.refuse(f"has t {at} outside of t_first {first} to t_last {last}")
    word = node.at("dir").text()
    if word not in WAYS:
        node.at("dir").refuse(f"is {word[:40]!r}, needs one of {', '.join(WAYS)}")
    return Expected(
        at=at,
        start=first - tolerance,
        end=last + tolerance,
        key=side_reached(along, word) or node.at("dir").refuse(f"{word!r} runs along the line"),
        kind=node.at("class").text() if node.has("class") else "",
        is_optional=node.has("note") and "optional" in node.at("note").text(),
    )


def side_reached(along: list[float] | Point, word: str) -> str | None:
    """`to_left` or `to_right` of one who walks `along` the line, for who crosses it in the way of
    the word. With y down, right of (dx, dy) is (-dy, dx): who walks down has x fall to the right.
    """
    way = WAYS[word]
    rightward = -along[1] * way[0] + along[0] * way[1]
    if rightward == 0.0:
        return None
    return "to_right" if 0.0 < rightward else "to_left"


def _excused(sentence: str, line: str, tolerance: float) -> list[tuple[float, float]]:
    if not re.search(rf"(?<!\w){re.escape(line)}(?!\w)", sentence):
        return []
    spans = re.findall(r"\((\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)\)", sentence)
    return [(float(a) - tolerance, float(b) + tolerance) for a, b in spans]


def _zone(node: Node, size: Point) -> Zone:
    polygon = [_point(point, size) for point in node.at("polygon").items()]
    if not 3 <= len(polygon) <= 64:
        node.at("polygon").refuse(f"has {len(polygon)} points, needs 3 to 64")
    visits = []
    for event in node.optional("events"):
        enter = event.at("enter_t").number(0, SECONDS_MAX)
        visits.append((enter, event.at("exit_t").number(enter, SECONDS_MAX)))
    tolerance = ZONE_TOLERANCE_SECONDS
    if node.has("tolerance_s"):
        tolerance = node.at("tolerance_s").number(0, 60)
    return Zone(
        id=node.at("id").text(),
        polygon=polygon,
        rule=node.at("rule").text() if node.has("rule") else "",
        visits=visits,
        tolerance_seconds=tolerance,
        occupancy=[n.integer(0, 10_000) for n in node.optional("occupancy_per_frame")],
    )


def _is_about_persons(zone: Node) -> bool:
    return any(event.has("person") for event in zone.optional("events"))


def _presence(node: Node, tolerance: float) -> Presence:
    start, end = (item.number(0, SECONDS_MAX) for item in _two(node.at("t")))
    if end <= start:
        node.at("t").refuse("ends before it starts")
    if node.has("tolerance_s"):
        tolerance = node.at("tolerance_s").number(0, 60)
    return Presence(
        kind=node.at("class").text(),
        start=start,
        end=end,
        count=node.at("count").integer(1, 10_000) if node.has("count") else 1,
        tolerance_seconds=tolerance,
    )
