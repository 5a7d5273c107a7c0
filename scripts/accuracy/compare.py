"""`--metrics-only`: one ground truth against one file of results, without the agent."""

from __future__ import annotations

from pathlib import Path

from . import counting, detection, document, events, motfile, tracking, truth
from .faults import Fault
from .report import Row, track_cells


def rows(ground_truth: Path, found: Path) -> list[Row]:
    """What the ground truth is tells what the results must be:

    a MOTChallenge folder or its `gt.txt`    tracks in MOTChallenge's format
    a counts file                            events, JSON lines
    COCO's annotations                       results in COCO's layout
    """
    if ground_truth.suffix != ".json":
        return [_tracks(ground_truth, found)]
    value = document.load(ground_truth).value
    if detection.is_boxes(value):
        boxes = detection.read_truth(ground_truth)
        cells = detection.evaluate(boxes, detection.read_results(found, boxes))
        return [Row(ground_truth.stem, "boxes", dict(cells))]
    if truth.is_counts(value):
        counts = truth.read(ground_truth)
        return counting.rows(ground_truth.stem, counts, events.read(found), None)
    raise Fault(ground_truth, "is neither counts nor COCO's annotations")


def _tracks(ground_truth: Path, found: Path) -> Row:
    folder, file = ground_truth.parent, ground_truth
    if ground_truth.is_dir():
        candidates = [ground_truth / "gt" / "gt.txt", ground_truth / "gt.txt"]
        file = next((path for path in candidates if path.is_file()), candidates[0])
        folder = ground_truth
    folder = folder.parent if folder.name == "gt" else folder
    seqinfo = folder / "seqinfo.ini"
    frame_count = motfile.read_frame_count(seqinfo) if seqinfo.is_file() else None
    boxes = motfile.read_truth(file, frame_count)
    frame_count = frame_count or max((row.frame for row in boxes), default=1)
    name = folder.name or str(file)
    drive = tracking.Drive(name, frame_count, boxes, motfile.read_found(found, frame_count))
    scores = tracking.evaluate([drive])[name]
    return Row(name, "tracks", track_cells(scores))
