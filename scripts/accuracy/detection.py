"""Average precision by pycocotools, the reference implementation.

Layout and measure: https://cocodataset.org/#format-data, https://cocodataset.org/#detection-eval.
AP is the mean over IoU 0.50, 0.55 ... 0.95 and over the categories that have boxes.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from pycocotools.coco import COCO  # type: ignore[import-untyped]
from pycocotools.cocoeval import COCOeval  # type: ignore[import-untyped]

from .document import Node, load, parse
from .faults import Fault, read_text

PIXELS_MAX = 1e6


@dataclass(frozen=True, slots=True)
class Boxes:
    """A ground truth of COCO's layout, checked."""

    path: Path
    images: dict[int, str]
    """File names, by id."""
    categories: dict[int, str]
    annotations: list[dict]


@dataclass(frozen=True, slots=True)
class Found:
    image: int
    category: int
    box: list[float]
    """Left, top, width, height in pixels."""
    score: float


def is_boxes(value: object) -> bool:
    """By layout: images, annotations and categories."""
    keys = ("images", "annotations", "categories")
    return isinstance(value, dict) and all(isinstance(value.get(key), list) for key in keys)


def read_truth(path: Path) -> Boxes:
    root = load(path)
    images = _by_id(root.at("images"), "file_name")
    categories = _by_id(root.at("categories"), "name")
    annotations = []
    for number, node in enumerate(root.at("annotations").items(), start=1):
        box = _box(node.at("bbox"), least=0.0)
        area = node.at("area").number(0, PIXELS_MAX**2) if node.has("area") else box[2] * box[3]
        annotations.append(
            {
                # COCOeval takes the id 0 for "not matched".
                "id": number,
                "image_id": _known(node.at("image_id"), images),
                "category_id": _known(node.at("category_id"), categories),
                "bbox": box,
                "area": area,
                "iscrowd": node.at("iscrowd").integer(0, 1) if node.has("iscrowd") else 0,
            }
        )
    if not annotations:
        raise Fault(path, "the ground truth has no box")
    return Boxes(path, images, categories, annotations)


def read_results(path: Path, truth: Boxes) -> list[Found]:
    """Detections in COCO's layout of results."""
    return [
        Found(
            image=_known(node.at("image_id"), truth.images),
            category=_known(node.at("category_id"), truth.categories),
            box=_box(node.at("bbox"), least=1e-9),
            score=node.at("score").number(0, 1),
        )
        for node in load(path).items()
    ]


def read_agent(path: Path, image: int, truth: Boxes) -> list[Found]:
    """What the agent wrote about one picture; classes that the truth does not have are left out."""
    ids = {name: category for category, name in truth.categories.items()}
    found = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        node = Node(parse(line, path, number), path, "the detection", number)
        category = ids.get(node.at("class").text())
        if category is not None:
            box, score = _box(node.at("box"), least=1e-9), node.at("score").number(0, 1)
            found.append(Found(image, category, box, score))
    return found


def evaluate(truth: Boxes, found: list[Found]) -> dict[str, float]:
    """AP, AP50 and AP75, in per cent."""
    annotations = [
        {
            "id": number,
            "image_id": one.image,
            "category_id": one.category,
            "bbox": one.box,
            "area": one.box[2] * one.box[3],
            "iscrowd": 0,
            "score": one.score,
        }
        for number, one in enumerate(found, start=1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_coco(truth, truth.annotations), _coco(truth, annotations), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = ("AP", "AP50", "AP75")
    return {name: 100.0 * float(evaluation.stats[index]) for index, name in enumerate(names)}


def _coco(truth: Boxes, annotations: list[dict]) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": key, "file_name": name} for key, name in truth.images.items()],
        "categories": [{"id": key, "name": name} for key, name in truth.categories.items()],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


def _by_id(node: Node, key: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for item in node.items():
        number = item.at("id").integer()
        if number in found:
            item.refuse(f"has the id {number}, which an earlier one has")
        found[number] = item.at(key).text()
    return found


def _known(node: Node, ids: dict[int, str]) -> int:
    number = node.integer()
    if number not in ids:
        node.refuse(f"is {number}, which is not in the ground truth")
    return number


def _box(node: Node, least: float) -> list[float]:
    box = node.numbers(4)
    if PIXELS_MAX < max(map(abs, box)):
        node.refuse(f"is {box}, beyond {PIXELS_MAX:g} pixels")
    if min(box[2:]) < least:
        node.refuse(f"is {box}: left, top, width, height with a size above 0 are needed")
    return box
