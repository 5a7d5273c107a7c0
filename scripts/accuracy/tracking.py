"""Figures of a tracker by TrackEval, the reference implementation (PyPI `trackeval`).

HOTA, DetA, AssA, LocA: Luiten et al., "HOTA", IJCV 2021, arXiv:2009.07736; the mean over IoU 0.05,
0.10 ... 0.95. MOTA, MOTP and switches: Bernardin and Stiefelhagen, "CLEAR MOT", 2008. IDF1:
Ristani et al., ECCV Workshops 2016, arXiv:1609.01775. Both at IoU 0.5.

Ground truth is prepared by TrackEval's own rules for MOT17. They know pedestrians only, so what is
scored is made class 1 beforehand:

- with pedestrians in the ground truth, these alone are scored, to the letter of TrackEval;
- without, every marked class that is no distractor is; boxes of these classes that are marked 0 are
  neither to be found nor wrong to find.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trackeval.datasets import MotChallenge2DBox  # type: ignore[import-untyped]
from trackeval.metrics import CLEAR, HOTA, Identity  # type: ignore[import-untyped]
from trackeval.utils import TrackEvalException  # type: ignore[import-untyped]

from .faults import Fault
from .motfile import CLASSES, PEDESTRIAN, Row

DISTRACTOR = 8
NEVER_SCORED = frozenset({7, 8, 9, 10, 11, 12, 13})
COMBINED = "COMBINED_SEQ"


@dataclass(frozen=True, slots=True)
class Drive:
    """A video's ground truth and what a tracker said about it."""

    name: str
    frame_count: int
    truth: Sequence[Row]
    found: Sequence[Row]


# HOTA keeps 19 tables of ground truth by tracks, of 8 bytes a cell: 3.8 GB.
TRACK_PAIRS_MAX = 25_000_000

Scores = dict[str, float]
"""By TrackEval's names; ratios in per cent."""


def scored_kinds(truth: Sequence[Row]) -> frozenset[int]:
    """The class numbers that count in this ground truth."""
    marked = {row.kind for row in truth if row.mark != 0.0} - NEVER_SCORED
    return frozenset({PEDESTRIAN} if PEDESTRIAN in marked else marked)


def scored_classes(truth: Sequence[Row]) -> frozenset[str]:
    return frozenset(CLASSES[kind] for kind in scored_kinds(truth))


def evaluate(drives: Sequence[Drive]) -> dict[str, Scores]:
    """The figures of each, by name, and of all together as `COMBINED_SEQ`."""
    for drive in drives:
        _check(drive)
    metrics = [HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False})]
    with tempfile.TemporaryDirectory(prefix="vong-eval-") as folder:
        dataset = _dataset(Path(folder), drives)
        results = {}
        for index, drive in enumerate(drives):
            try:
                raw = dataset.get_raw_seq_data("found", str(index))
                data = dataset.get_preprocessed_seq_data(raw, "pedestrian")
            except TrackEvalException as error:
                raise Fault(drive.name, f"TrackEval refuses it: {error}") from error
            results[drive.name] = [metric.eval_sequence(data) for metric in metrics]
    parts = list(results.values())
    results[COMBINED] = [
        metric.combine_sequences({str(i): part[m] for i, part in enumerate(parts)})
        for m, metric in enumerate(metrics)
    ]
    return {name: _scores(*result) for name, result in results.items()}


def _check(drive: Drive) -> None:
    if not scored_kinds(drive.truth):
        raise Fault(drive.name, "the ground truth has no box that counts")
    truth_count, found_count = (len({r.track for r in rows}) for rows in (drive.truth, drive.found))
    if TRACK_PAIRS_MAX < truth_count * found_count:
        raise Fault(drive.name, f"{found_count} tracks against {truth_count} are too many")


def _dataset(folder: Path, drives: Sequence[Drive]) -> MotChallenge2DBox:
    (folder / "truth").mkdir()
    (folder / "found").mkdir()
    for index, drive in enumerate(drives):
        (folder / "truth" / f"{index}.txt").write_text(_text(_prepared(drive.truth)))
        (folder / "found" / f"{index}.txt").write_text(_text(drive.found, PEDESTRIAN))
    return MotChallenge2DBox(
        {
            "GT_FOLDER": str(folder / "truth"),
            "GT_LOC_FORMAT": "{gt_folder}/{seq}.txt",
            "TRACKERS_FOLDER": str(folder),
            "TRACKERS_TO_EVAL": ["found"],
            "TRACKER_SUB_FOLDER": "",
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {str(i): drive.frame_count for i, drive in enumerate(drives)},
            "BENCHMARK": "MOT17",
            "PRINT_CONFIG": False,
        }
    )


def _prepared(truth: Sequence[Row]) -> list[Row]:
    kinds = scored_kinds(truth)
    if kinds == {PEDESTRIAN}:
        return list(truth)
    return [_recast(row, kinds) for row in truth]


def _recast(row: Row, kinds: frozenset[int]) -> Row:
    kind = row.kind
    if kind in kinds:
        kind = PEDESTRIAN if row.mark != 0.0 else DISTRACTOR
    return Row(row.frame, row.track, row.left, row.top, row.width, row.height, row.mark, kind)


def _text(rows: Sequence[Row], kind: int | None = None) -> str:
    """Rows as TrackEval reads them, all of one kind if it is given. It makes tables as long as the
    highest id, so ids are numbered anew, in the same order: ties are broken by it.
    """
    tracks = {track: n for n, track in enumerate(sorted({row.track for row in rows}), start=1)}
    return "".join(
        f"{r.frame},{tracks[r.track]},{r.left!r},{r.top!r},{r.width!r},{r.height!r},"
        f"{r.mark!r},{kind or r.kind},1\n"
        for r in rows
    )


def _scores(hota: dict, clear: dict, identity: dict) -> Scores:
    scores = {key: 100.0 * float(hota[key].mean()) for key in ("HOTA", "DetA", "AssA", "LocA")}
    percents = {"MOTA": "MOTA", "MOTP": "MOTP", "Recall": "CLR_Re", "Precision": "CLR_Pr"}
    scores |= {name: 100.0 * float(clear[key]) for name, key in percents.items()}
    counts = {"TP": "CLR_TP", "FN": "CLR_FN", "FP": "CLR_FP"}
    counts |= {key: key for key in ("IDSW", "MT", "PT", "ML", "Frag")}
    scores |= {name: float(clear[key]) for name, key in counts.items()}
    scores["IDF1"] = 100.0 * float(identity["IDF1"])
    return scores | {key: float(identity[key]) for key in ("IDTP", "IDFN", "IDFP")}
