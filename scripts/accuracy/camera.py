"""A camera's file for the agent, with the lines and zones of hand-made counts as its rules."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from .faults import Fault, read_text
from .truth import Counts, Zone

INTRUSION_AFTER_SECONDS = 1.0


def rule_name(counts: Counts, shape_id: str) -> str:
    """A name for the agent: `counts/Road.json` and `L 1` become `road-l-1`."""
    name = re.sub(r"[^a-z0-9_-]+", "-", f"{counts.path.stem}-{shape_id}".lower())
    return name.lstrip("-_")[:63] or "rule"


def camera_toml(
    video: Path, counts: Iterable[Counts], base: Path | None, classes: list[str]
) -> str:
    """`base` is a camera file whose other settings are kept; its rules are replaced."""
    camera = read_base(base) if base else {}
    camera |= {"id": "eval", "source": str(video), "line": [], "zone": [], "intrusion": []}
    if classes:
        camera["classes"] = classes
    for one in counts:
        camera["line"] += [
            {"name": rule_name(one, line.id), "points": line.points} for line in one.lines
        ]
        for zone in one.zones:
            kind, rule = _zone_rule(one, zone)
            camera[kind].append(rule)
    names = [rule["name"] for kind in ("line", "zone", "intrusion") for rule in camera[kind]]
    for name in names:
        if 1 < names.count(name):
            raise Fault(video, f"two of its lines or zones would be called {name!r}")
    return _toml(camera)


def _zone_rule(counts: Counts, zone: Zone) -> tuple[str, dict]:
    rule: dict = {"name": rule_name(counts, zone.id), "polygon": zone.polygon}
    if zone.is_intrusion:
        return "intrusion", rule | {"after_seconds": INTRUSION_AFTER_SECONDS}
    if zone.dwell_limit_seconds is not None:
        rule["dwell_limit_seconds"] = zone.dwell_limit_seconds
    return "zone", rule


def read_base(path: Path) -> dict:
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise Fault(path, f"is no TOML: {error}") from error


def _toml(table: Mapping[str, object]) -> str:
    """Plain values first, then tables: what a TOML document must look like."""
    lines = [f"{_key(k)} = {_value(v)}" for k, v in table.items() if not _is_table(v)]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{_key(key)}]"]
            lines += [f"{_key(k)} = {_value(v)}" for k, v in value.items()]
        elif _is_table(value):
            for item in value:  # type: ignore[attr-defined]
                lines += ["", f"[[{_key(key)}]]"]
                lines += [f"{_key(k)} = {_value(v)}" for k, v in item.items()]
    return "\n".join(lines) + "\n"


def _is_table(value: object) -> bool:
    is_array = isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
    return isinstance(value, Mapping) or is_array


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, str):
        # TOML's basic strings are JSON's, except that DEL must be escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)
