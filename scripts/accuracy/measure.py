"""From what was found under the data roots to the rows of the table."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import camera, counting, detection, layout, motfile, report, tracking, truth
from .agent import Agent, Run
from .faults import Fault, Missing
from .report import Row

TRAFFIC = ("bicycle", "bus", "car", "motorcycle", "person", "truck")
IMAGES_MAX = 20_000


@dataclass(slots=True)
class Session:
    """What all measurements of one call share."""

    agent: Agent
    out: Path
    base: Path | None
    classes: list[str] | None
    folders_used: set[str] = field(default_factory=set)

    def classes_for(self, truth_classes: Iterable[str]) -> list[str]:
        """What the agent is told to follow; nothing means everything. Persons are told apart well;
        vehicles seen from above get names such as "cell phone" by small models, so that any class
        counts; where nothing is expected, the classes of traffic must stay away.
        """
        if self.classes is not None:
            return self.classes
        known = set(truth_classes)
        if not known:
            return list(TRAFFIC)
        return ["person"] if known == {"person"} else []


@dataclass(frozen=True, slots=True)
class Job:
    """One analysis, and what is measured on it."""

    video: Path
    classes: tuple[str, ...]
    sequences: list[layout.Sequence] = field(default_factory=list)
    counts: list[truth.Counts] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "-".join([self.video.stem, *(self.classes or ("any",))])[:120]


Jobs = dict[tuple[Path, tuple[str, ...]], Job]


def measure(session: Session, roots: list[Path]) -> list[Row]:
    rows: list[Row] = []
    jobs: Jobs = {}
    drives: list[tracking.Drive] = []
    boxes: list[Path] = []
    for root in _apart(roots):
        found = layout.discover(root)
        rows += [_fault(_name(Path(fault.path), root), "-", fault) for fault in found.unreadable]
        for sequence in found.sequences:
            name = _name(sequence.folder, root)
            rows += _tried(name, "tracks", _plan_sequence, session, jobs, sequence)
        for path in found.counts:
            rows += _tried(_name(path, root), "counts", _plan_counts, session, jobs, path)
        boxes += found.boxes
    for job in jobs.values():
        rows += _tried(job.video.name, "analysis", _run, session, job, drives)
    if 1 < len(drives):
        cells = tracking.evaluate(drives)[tracking.COMBINED]
        rows.append(Row("all sequences", "tracks", report.track_cells(cells)))
    for path in boxes:
        rows += _tried(path.stem, "boxes", _detect, session, path)
    return rows


def _apart(roots: list[Path]) -> list[Path]:
    """Without those that another one holds: nothing is measured twice."""
    full = list(dict.fromkeys(root.resolve() for root in roots))
    return [root for root in full if not any(other in root.parents for other in full)]


def _plan_sequence(session: Session, jobs: Jobs, sequence: layout.Sequence) -> list[Row]:
    video = layout.video_of(sequence)
    if video is None:
        return [Row(sequence.folder.name, "tracks", note="skipped: it has no VIDEO.txt")]
    rows = motfile.read_truth(sequence.folder / "gt" / "gt.txt")
    _job(session, jobs, video, tracking.scored_classes(rows)).sequences.append(sequence)
    return []


def _plan_counts(session: Session, jobs: Jobs, path: Path) -> list[Row]:
    counts = truth.read(path)
    video = layout.find(counts.video, path)
    _job(session, jobs, video, counts.classes).counts.append(counts)
    return []


def _job(session: Session, jobs: Jobs, video: Path, classes: Iterable[str]) -> Job:
    wanted = tuple(session.classes_for(classes))
    return jobs.setdefault((video.resolve(), wanted), Job(video, wanted))


def _run(session: Session, job: Job, drives: list[tracking.Drive]) -> list[Row]:
    text = camera.camera_toml(job.video, job.counts, session.base, list(job.classes))
    name, number = job.name, 2
    while name in session.folders_used:
        name, number = f"{job.name}-{number}", number + 1
    session.folders_used.add(name)
    start = time.monotonic()
    print(f"==> analyze {job.name} … ", end="", file=sys.stderr, flush=True)
    try:
        run = session.agent.analyze(job.video, text, session.out / name, [])
    finally:
        print(f"{time.monotonic() - start:.1f} s", file=sys.stderr)
    rows: list[Row] = []
    for sequence in job.sequences:
        label = sequence.folder.name
        rows += _tried(label, "tracks", _track, sequence, run, drives)
    for counts in job.counts:
        label = counts.path.stem
        rows += _tried(label, "counts", _count, label, counts, run)
    cpu_seconds = run.cpu_seconds()
    if rows and cpu_seconds is not None:
        rows[0].cells["cpu"] = cpu_seconds
    return rows


def _count(name: str, counts: truth.Counts, run: Run) -> list[Row]:
    return counting.rows(name, counts, run.events(), run.boxes())


def _track(sequence: layout.Sequence, run: Run, drives: list[tracking.Drive]) -> list[Row]:
    frame_count = motfile.read_frame_count(sequence.folder / "seqinfo.ini")
    drive = tracking.Drive(
        name=str(sequence.folder),
        frame_count=frame_count,
        truth=motfile.read_truth(sequence.folder / "gt" / "gt.txt", frame_count),
        found=run.boxes(frame_count),
    )
    cells = tracking.evaluate([drive])[drive.name]
    drives.append(drive)
    return [Row(sequence.folder.name, "tracks", report.track_cells(cells))]


def _detect(session: Session, path: Path) -> list[Row]:
    if "--detections" not in session.agent.help():
        note = "skipped: this agent's `analyze` has no --detections"
        return [Row(path.stem, "boxes", note=note)]
    boxes = detection.read_truth(path)
    if IMAGES_MAX < len(boxes.images):
        raise Fault(path, f"has {len(boxes.images)} images, at most {IMAGES_MAX}")
    found: list[detection.Found] = []
    out = session.out / f"{path.stem}-boxes"
    for image, name in boxes.images.items():
        picture = _picture(name, path)
        text = camera.camera_toml(picture, [], session.base, session.classes or [])
        result = out / "detections.jsonl"
        session.agent.analyze(picture, text, out, ["--detections", str(result)])
        found += detection.read_agent(result, image, boxes)
    box_count = sum(not one["iscrowd"] for one in boxes.annotations)
    note = f"{len(boxes.images)} images, {box_count} boxes"
    return [Row(path.stem, "boxes", dict(detection.evaluate(boxes, found)), note)]


def _picture(name: str, annotations: Path) -> Path:
    """COCO keeps pictures in a folder beside `annotations`, called as its file is."""
    split = annotations.stem.removeprefix("instances_")
    for candidate in (name, f"images/{name}", f"{split}/{name}", f"images/{split}/{name}"):
        try:
            return layout.find(candidate, annotations)
        except Fault:
            continue
    return layout.find(name, annotations)


def _tried(name: str, what: str, work: Callable[..., list[Row]], *given: object) -> list[Row]:
    """A fault in one thing is a row of the table; the others are measured all the same."""
    try:
        return work(*given)
    except Missing as missing:
        return [Row(name, what, note=f"skipped: {missing}")]
    except Fault as fault:
        return [_fault(name, what, fault)]


def _fault(name: str, what: str, fault: Fault) -> Row:
    return Row(name, what, note=f"fault: {fault}", is_fault=True)


def _name(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path != root and root in path.parents else path.name


def default_roots() -> list[Path]:
    """Folders of `$VONG_EVAL_DATA`, parted as a search path is."""
    return [Path(p) for p in os.environ.get("VONG_EVAL_DATA", "").split(os.pathsep) if p]
