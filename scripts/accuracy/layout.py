"""What can be measured under a data root. Found by layout, never by name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import detection, truth
from .document import load
from .faults import Fault, Missing, read_text

DEPTH_MAX = 8
ENTRIES_MAX = 200_000
JSON_BYTES_MAX = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sequence:
    """A MOTChallenge folder: `seqinfo.ini`, `gt/gt.txt` and, for the agent, `VIDEO.txt`."""

    folder: Path


@dataclass(slots=True)
class Found:
    sequences: list[Sequence] = field(default_factory=list)
    counts: list[Path] = field(default_factory=list)
    boxes: list[Path] = field(default_factory=list)
    unreadable: list[Fault] = field(default_factory=list)


def discover(root: Path) -> Found:
    """Everything of a known layout under a folder; or in one file."""
    if not root.exists():
        raise Fault(root, "is not there")
    found = Found()
    for path in [root] if root.is_file() else _walk(root):
        if path.name == "seqinfo.ini" and (path.parent / "gt" / "gt.txt").is_file():
            found.sequences.append(Sequence(path.parent))
        elif path.suffix == ".json" and path.stat().st_size <= JSON_BYTES_MAX:
            try:
                value = load(path).value
            except Fault as fault:
                found.unreadable.append(fault)
                continue
            if detection.is_boxes(value):
                found.boxes.append(path)
            elif truth.is_counts(value):
                found.counts.append(path)
    return found


def _walk(root: Path) -> Iterator[Path]:
    """Regular files in a fixed order; links to folders are not followed."""
    number = 0
    for folder, folders, files in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        folders[:] = (
            sorted(f for f in folders if not f.startswith(".")) if depth < DEPTH_MAX else []
        )
        for name in sorted(files):
            number += 1
            if ENTRIES_MAX < number:
                raise Fault(root, f"holds more than {ENTRIES_MAX} files; name a smaller folder")
            path = Path(folder, name)
            if path.is_file():
                yield path


def video_of(sequence: Sequence) -> Path | None:
    """The video that `VIDEO.txt` names, up to two blanks or a bracket; None without the file."""
    path = sequence.folder / "VIDEO.txt"
    if not path.is_file():
        return None
    lines = read_text(path).splitlines()
    name = re.split(r"\s{2,}|\t|\s+\(", lines[0].strip())[0] if lines else ""
    if not name:
        raise Fault(path, "names no video", 1)
    return find(name, path)


def find(name: str, named_in: Path) -> Path:
    """A file that another names: beside that file, or in a folder above it."""
    for folder in named_in.resolve().parents:
        if (folder / name).is_file():
            return folder / name
    raise Missing(
        named_in, f"names {name[:200]!r}, which is neither beside it nor in a folder above"
    )
