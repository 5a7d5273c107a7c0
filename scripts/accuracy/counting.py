"""The agent's events and tracks against hand-made counts: one row a line, zone or presence."""

from __future__ import annotations

from collections.abc import Sequence

from .camera import INTRUSION_AFTER_SECONDS, rule_name
from .events import Event
from .match import Expected, Matched, Seen, greedy
from .motfile import Row as Box
from .report import Row
from .truth import Counts, Line, Presence, Zone


def rows(name: str, counts: Counts, events: Sequence[Event], boxes: list[Box] | None) -> list[Row]:
    """`boxes` of the tracks; None if there are none to look at."""
    found = [_line(name, counts, line, events) for line in counts.lines]
    for zone in counts.zones:
        rule = rule_name(counts, zone.id)
        about = [event for event in events if event.rule == rule]
        if zone.is_intrusion:
            found.append(_intrusion(name, zone, about))
        elif zone.dwell_limit_seconds is not None:
            found.append(_loitering(name, zone, zone.dwell_limit_seconds, about))
        elif not zone.occupancy:
            note = f"skipped: rule {zone.rule[:40]!r} is neither intrusion nor loitering"
            found.append(Row(name, f"zone {zone.id}", note=note))
        if zone.occupancy and not zone.is_intrusion:
            found.append(_occupancy(name, counts, zone, about))
    if counts.presence is not None and boxes is None:
        found.append(Row(name, "presence", note="skipped: there are no tracks to judge it by"))
    elif counts.presence is not None and boxes is not None:
        found.append(_presence(name, counts, counts.presence, boxes))
    return found or [Row(name, "counts", note="skipped: nothing was counted in it")]


def _line(name: str, counts: Counts, line: Line, events: Sequence[Event]) -> Row:
    rule = rule_name(counts, line.id)
    seen = [
        Seen(event.at, event.direction, event.classes[0] if event.classes else "")
        for event in events
        if event.rule == rule and event.kind == "line_crossed"
    ]
    matched = greedy(line.crossings, seen)
    extra = [s for s in matched.extra if not any(a <= s.at <= b for a, b in line.excused)]
    same = sum(expected.kind == one.kind for expected, one in matched.pairs)
    notes = [f"class right {same}/{len(matched.pairs)}"] if matched.pairs else []
    if len(extra) < len(matched.extra):
        notes.append(f"{len(matched.extra) - len(extra)} excused")
    matched = Matched(matched.pairs, matched.missed, extra)
    return _row(name, f"line {line.id}", line.crossings, matched, notes)


def _intrusion(name: str, zone: Zone, events: Sequence[Event]) -> Row:
    """One for each who comes in: the first begins the episode, the others change it."""
    seen = [
        Seen(event.at)
        for event in events
        if event.kind == "intrusion" and event.phase in ("begin", "change")
        for _ in event.classes
    ]
    slack = zone.tolerance_seconds
    expected = [
        Expected(enter, enter - slack, enter + INTRUSION_AFTER_SECONDS + slack)
        for enter, _ in zone.visits
    ]
    return _zone_row(name, zone, "intrusion", expected, seen)


def _loitering(name: str, zone: Zone, limit: float, events: Sequence[Event]) -> Row:
    seen = [
        Seen(event.at)
        for event in events
        if event.kind == "dwell_exceeded" and event.phase == "begin"
    ]
    slack = zone.tolerance_seconds
    expected = [
        Expected(enter + limit, enter + limit - slack, leave + slack)
        for enter, leave in zone.visits
        if limit <= leave - enter
    ]
    return _zone_row(name, zone, "loitering", expected, seen)


def _zone_row(name: str, zone: Zone, what: str, expected: list[Expected], seen: list[Seen]) -> Row:
    matched = greedy(expected, seen)
    slack = zone.tolerance_seconds
    repeats = sum(
        any(enter - slack <= one.at <= leave + slack for enter, leave in zone.visits)
        for one in matched.extra
    )
    notes = [f"{repeats} of the extra while somebody was there"] if repeats else []
    return _row(name, f"{what} {zone.id}", expected, matched, notes)


def _row(name: str, what: str, expected: list[Expected], matched: Matched, notes: list[str]) -> Row:
    notes += [f"missed at {_times([e.at for e in matched.missed])}"] if matched.missed else []
    notes += [f"extra at {_times([s.at for s in matched.extra])}"] if matched.extra else []
    cells = _counted(len(expected), len(matched.pairs), len(matched.missed), len(matched.extra))
    return Row(name, what, cells, "; ".join(notes))


def _counted(expected: int, found: int, missed: int, extra: int) -> dict[str, str | float | int]:
    return {"expected": expected, "found": found, "missed": missed, "extra": extra}


def _times(seconds: list[float]) -> str:
    shown = ", ".join(f"{at:.1f}" for at in seconds[:6])
    return f"{shown} s" if len(seconds) <= 6 else f"{shown}, ... s"


def _occupancy(name: str, counts: Counts, zone: Zone, events: Sequence[Event]) -> Row:
    """The number that was last said against the true one, frame by frame. A rule that waits until
    somebody has settled says it late: hence also the share that is true within the tolerance.
    """
    changes = [(e.at, e.occupancy) for e in events if e.kind == "zone_occupancy"]
    said = _said(changes, len(zone.occupancy), counts.frames_per_second)
    reach = round(counts.tolerance_seconds * counts.frames_per_second)
    errors, is_near = [], []
    for frame, number in enumerate(said):
        if number is not None:
            errors.append(abs(number - zone.occupancy[frame]))
            is_near.append(number in zone.occupancy[max(frame - reach, 0) : frame + reach + 1])
    unknown = len(said) - len(errors)
    note = "never said"
    if errors:
        exact = 100.0 * sum(error == 0 for error in errors) / len(errors)
        near = 100.0 * sum(is_near) / len(is_near)
        mean = sum(errors) / len(errors)
        note = f"exact in {exact:.1f} % of frames, in {near:.1f} % within "
        note += f"{counts.tolerance_seconds:g} s; mean error {mean:.2f}"
    note += f"; unknown in {unknown} frames" if unknown else ""
    most = max((number for number in said if number is not None), default=0)
    return Row(name, f"occupancy {zone.id}", {"expected": max(zone.occupancy), "found": most}, note)


def _said(
    changes: list[tuple[float, int | None]], frame_count: int, frames_per_second: float
) -> list[int | None]:
    """What was last said, at each frame."""
    said: list[int | None] = []
    last, position = None, 0
    for frame in range(frame_count):
        # Half a frame: times are rounded.
        until = (frame + 0.5) / frames_per_second
        while position < len(changes) and changes[position][0] < until:
            last = changes[position][1]
            position += 1
        said.append(last)
    return said


def _presence(name: str, counts: Counts, spans: list[Presence], boxes: list[Box]) -> Row:
    """A track that is nowhere inside of a span is extra; a span is found if a track is in it."""
    times: dict[int, list[float]] = {}
    for box in boxes:
        at = (box.frame - 1) / counts.frames_per_second
        times.setdefault(box.track, []).append(at)
    everything = [at for track in times.values() for at in track]
    found = sum(any(span.start <= at <= span.end for at in everything) for span in spans)
    extra = [
        track[0]
        for track in times.values()
        if not any(
            span.start - span.tolerance_seconds <= at <= span.end + span.tolerance_seconds
            for span in spans
            for at in track
        )
    ]
    notes = []
    for span in spans:
        share = _share_covered(span, counts.frames_per_second, boxes)
        notes.append(f"{span.count} or more seen in {100 * share:.0f} % of the time")
    notes += [f"extra at {_times(sorted(extra))}"] if extra else []
    cells = _counted(len(spans), found, len(spans) - found, len(extra))
    return Row(name, "presence", cells, "; ".join(notes))


def _share_covered(span: Presence, frames_per_second: float, boxes: list[Box]) -> float:
    """The share of the span's frames in which enough tracks are seen."""
    first = int(span.start * frames_per_second) + 1
    last = max(int(span.end * frames_per_second), first)
    numbers: dict[int, int] = {}
    for box in boxes:
        numbers[box.frame] = numbers.get(box.frame, 0) + 1
    frames = range(first, last + 1)
    return sum(span.count <= numbers.get(frame, 0) for frame in frames) / len(frames)
