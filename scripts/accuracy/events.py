"""The agent's events: one JSON object a line, as `edge-agent analyze --events` writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .document import Node, parse
from .faults import read_text


@dataclass(frozen=True, slots=True)
class Event:
    at: float
    """Seconds since the first frame."""
    rule: str
    kind: str
    phase: str
    direction: str
    classes: list[str]
    """Of the objects, in order."""
    occupancy: int | None
    """None: not said, or unknown."""


def read(path: Path, origin_micros: int = 0) -> list[Event]:
    events = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            node = Node(parse(line, path, number), path, "the event", number)
            events.append(_event(node, origin_micros))
    return events


def _event(node: Node, origin_micros: int) -> Event:
    occupancy = None
    for measure in node.optional("measures"):
        if measure.at("name").text() == "occupancy" and measure.has("value"):
            occupancy = int(measure.at("value").number(0, 10_000))
    return Event(
        at=(node.at("captured_us").integer() - origin_micros) / 1e6,
        rule=node.at("rule").text(),
        kind=node.at("kind").text(),
        phase=node.at("phase").text(),
        direction=node.at("direction").text() if node.has("direction") else "",
        classes=[item.at("class").text() for item in node.optional("objects")],
        occupancy=occupancy,
    )
