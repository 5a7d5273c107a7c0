"""Text files of MOTChallenge, read strictly: what comes out is finite, in range, without doubles.

Format: https://motchallenge.net/instructions and Milan et al., "MOT16: A Benchmark for Multi-Object
Tracking", arXiv:1603.00831, tables 4 to 6. A line is

    frame, id, left, top, width, height, mark [, class [, visibility]]     ground truth
    frame, id, left, top, width, height [, score [, x, y, z]]              tracker

with frames and ids from 1, pixels, and `mark` 0 for what is not to be counted. Ten columns are the
older form of 2015, where the last three are a place in the world and nothing has a class.
"""

from __future__ import annotations

import configparser
import math
from dataclasses import dataclass
from pathlib import Path

from .faults import Fault, read_text

FRAMES_MAX = 1_000_000
BOXES_PER_FRAME_MAX = 5_000
PIXELS_MAX = 1_000_000.0
# Ids beyond it are not exact in a double, which these files are written from.
ID_MAX = 2**53

PEDESTRIAN = 1
"""Class numbers of MOT16, table 6, and what the models call the same thing."""
CLASSES = {
    1: "person", 2: "person", 3: "car", 4: "bicycle", 5: "motorcycle", 6: "vehicle", 7: "person",
    8: "distractor", 9: "occluder", 10: "occluder", 11: "occluder", 12: "reflection", 13: "crowd",
}  # fmt: skip

TRUTH_COLUMNS = "frame,id,left,top,width,height,mark[,class[,visibility]] or with x,y,z"
FOUND_COLUMNS = "frame,id,left,top,width,height[,score[,x,y,z]]"


@dataclass(frozen=True, slots=True)
class Row:
    """A box in a frame. `mark` is 0 for what does not count; `kind` a class number of MOT16."""

    frame: int
    track: int
    left: float
    top: float
    width: float
    height: float
    mark: float
    kind: int


def read_truth(path: Path, frame_count: int | None = None) -> list[Row]:
    """Ground truth; without `frame_count` it is as long as its last frame."""
    return _read(path, frame_count or FRAMES_MAX, is_truth=True)


def read_found(path: Path, frame_count: int) -> list[Row]:
    """A tracker's output. An empty file is a tracker that found nothing."""
    return _read(path, frame_count, is_truth=False)


def read_frame_count(seqinfo: Path) -> int:
    """`seqLength` of a `seqinfo.ini`."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(seqinfo), source=str(seqinfo))
        text = parser.get("Sequence", "seqLength", fallback="")
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        message = error.message.splitlines()[0]
        raise Fault(seqinfo, f"cannot be understood: {message}", line) from error
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= FRAMES_MAX):
        raise Fault(seqinfo, f"seqLength is {text!r}, needs a whole number from 1 to {FRAMES_MAX}")
    return int(text)


def _read(path: Path, frame_count: int, *, is_truth: bool) -> list[Row]:
    rows: list[Row] = []
    first_lines: dict[tuple[int, int], int] = {}
    column_count: int | None = None
    box_counts: dict[int, int] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.rstrip().rstrip(",").split(",")
        try:
            if column_count is None:
                column_count = _column_count(fields, is_truth=is_truth)
            elif len(fields) != column_count:
                raise ValueError(f"has {len(fields)} columns, the lines before have {column_count}")
            row = _row([_number(field) for field in fields], frame_count, is_truth=is_truth)
            first = first_lines.setdefault((row.frame, row.track), number)
            if first != number:
                raise ValueError(f"id {row.track} is in frame {row.frame} already, on line {first}")
            box_counts[row.frame] = box_counts.get(row.frame, 0) + 1
            if BOXES_PER_FRAME_MAX < box_counts[row.frame]:
                raise ValueError(f"frame {row.frame} has more than {BOXES_PER_FRAME_MAX} boxes")
        except ValueError as error:
            raise Fault(path, str(error), number) from error
        rows.append(row)
    return rows


def _column_count(fields: list[str], *, is_truth: bool) -> int:
    least = 7 if is_truth else 6
    if not least <= len(fields) <= 10:
        layout = TRUTH_COLUMNS if is_truth else FOUND_COLUMNS
        raise ValueError(f"has {len(fields)} columns, needs {least} to 10: {layout}")
    return len(fields)


def _number(field: str) -> float:
    # `float` takes `1_0` and the digits of every script; these files have neither.
    if "_" in field or not field.isascii():
        raise ValueError(f"{field.strip()[:40]!r} is no number")
    try:
        value = float(field)
    except ValueError:
        raise ValueError(f"{field.strip()[:40]!r} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"{field.strip()!r} is no finite number")
    return value


def _row(values: list[float], frame_count: int, *, is_truth: bool) -> Row:
    frame = _whole("frame", values[0], 1, frame_count)
    track = _whole("id", values[1], 0, ID_MAX)
    for name, value in zip(("left", "top", "width", "height"), values[2:6], strict=True):
        if PIXELS_MAX < abs(value):
            raise ValueError(f"{name} is {value:g}, beyond {PIXELS_MAX:g} pixels")
        if name in ("width", "height") and value <= 0.0:
            raise ValueError(f"{name} is {value:g}, needs to be above 0")
    mark = values[6] if 6 < len(values) else 1.0
    kind = PEDESTRIAN
    if is_truth and len(values) in (8, 9) and values[7] != -1.0:
        kind = _whole("class", values[7], min(CLASSES), max(CLASSES))
    # TrackEval cuts the mark to a whole number.
    left, top, width, height = values[2:6]
    mark = float(int(mark)) if is_truth else mark
    return Row(frame, track, left, top, width, height, mark, kind)


def _whole(name: str, value: float, least: int, most: int) -> int:
    if value != int(value):
        raise ValueError(f"{name} is {value:g}, needs a whole number")
    if not least <= value <= most:
        raise ValueError(f"{name} is {value:.0f}, needs a whole number from {least} to {most}")
    return int(value)
