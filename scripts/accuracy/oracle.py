"""The self-test: figures that the reference printed for the same files must come out here.

A folder holds `expected*.json` with `{group: {sequence: {figure: value}}}` and, for each sequence,
`SEQUENCE/gt.txt`, `SEQUENCE/test.txt` and perhaps `SEQUENCE/seqinfo.ini`. `COMBINED_SEQ` is all
sequences of its group together.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import document, motfile, tracking
from .faults import Fault

TOLERANCE = 0.01


def run(folder: Path, tell: Callable[[str], None]) -> list[str]:
    """Compares, tells a line for each that was compared, and returns what differs."""
    expected_files = sorted(folder.glob("expected*.json"))
    if not expected_files:
        raise Fault(folder, "has no expected*.json")
    faults: list[str] = []
    for path in expected_files:
        root = document.load(path)
        for group in _keys(root):
            faults += _compare_group(folder, group, root.at(group), tell)
    return faults


def _compare_group(
    folder: Path, group: str, node: document.Node, tell: Callable[[str], None]
) -> list[str]:
    names = [name for name in _keys(node) if name != tracking.COMBINED]
    scores = tracking.evaluate([_drive(folder / name) for name in names])
    faults = []
    for name in _keys(node):
        wrong, worst, figures = [], 0.0, _keys(node.at(name))
        for figure in figures:
            if figure not in scores[name]:
                wrong.append(f"{group}/{name}: {figure} is not computed here")
                continue
            wanted, got = node.at(name).at(figure).number(), scores[name][figure]
            worst = max(worst, abs(got - wanted))
            if not abs(got - wanted) <= TOLERANCE:
                wrong.append(f"{group}/{name}: {figure} is {got:.3f}, expected {wanted:.3f}")
        verdict = "differs" if wrong else "agrees"
        tell(
            f"{group + '/' + name:<24} {len(figures):2} figures, {verdict}, "
            f"largest difference {worst:.4f}"
        )
        faults += wrong
    return faults


def _drive(folder: Path) -> tracking.Drive:
    seqinfo = folder / "seqinfo.ini"
    frame_count = motfile.read_frame_count(seqinfo) if seqinfo.is_file() else None
    truth = motfile.read_truth(folder / "gt.txt", frame_count)
    frame_count = frame_count or max((row.frame for row in truth), default=1)
    found = motfile.read_found(folder / "test.txt", frame_count)
    return tracking.Drive(folder.name, frame_count, truth, found)


def _keys(node: document.Node) -> list[str]:
    if not isinstance(node.value, dict) or not node.value:
        node.refuse("is no object with keys")
    return list(node.value)
