"""The one table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

Cell = str | float | int

COLUMNS = {
    "HOTA": "HOTA", "DetA": "DetA", "AssA": "AssA", "MOTA": "MOTA", "IDF1": "IDF1", "IDSW": "IDsw",
    "Recall": "Rcll", "Precision": "Prcn", "AP": "AP", "AP50": "AP50",
    "expected": "true", "found": "found", "missed": "missed", "extra": "extra", "cpu": "CPU s",
}  # fmt: skip
"""Keys of the cells and what stands above them."""


@dataclass(frozen=True, slots=True)
class Row:
    """What came out for one thing that was measured, or why nothing did."""

    data: str
    what: str
    cells: dict[str, Cell] = field(default_factory=dict)
    note: str = ""
    is_fault: bool = False


def track_cells(scores: Mapping[str, float]) -> dict[str, Cell]:
    """Figures of a tracker, as they are shown."""
    return {**scores, "IDSW": int(scores["IDSW"])}


def table(rows: Sequence[Row]) -> str:
    """Columns that nothing fills are left out."""
    keys = [key for key in COLUMNS if any(key in row.cells for row in rows)]
    head = ["data", "what", *(COLUMNS[key] for key in keys), "note"]
    body = [[r.data, r.what, *(_text(r.cells.get(key)) for key in keys), r.note] for r in rows]
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    lines = [_line(line, widths) for line in [head, *body]]
    return "\n".join([lines[0], "-" * max(len(line) for line in lines[:1]), *lines[1:]])


def write_json(path: Path, rows: Sequence[Row]) -> None:
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")


def _text(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return f"{cell:.1f}" if isinstance(cell, float) else str(cell)


def _line(cells: list[str], widths: list[int]) -> str:
    left = [cells[0].ljust(widths[0]), cells[1].ljust(widths[1])]
    middle = [cell.rjust(width) for cell, width in zip(cells[2:-1], widths[2:-1], strict=True)]
    return "  ".join([*left, *middle, cells[-1]]).rstrip()
