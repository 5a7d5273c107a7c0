"""AP that can be worked out by hand, and files of COCO's layout that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

from .. import detection
from ..detection import Found
from . import InFolder

TRUTH: dict = {
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
    "categories": [{"id": 3, "name": "car"}],
    "annotations": [
        {"id": 0, "image_id": 7, "category_id": 3, "bbox": [0, 0, 100, 100]},
        {"id": 1, "image_id": 8, "category_id": 3, "bbox": [50, 50, 100, 100]},
    ],
}
FIRST = Found(7, 3, [0.0, 0.0, 100.0, 100.0], 0.9)


class Average(InFolder):
    def truth(self, changes: dict[str, object] | None = None) -> detection.Boxes:
        text = json.dumps(TRUTH | (changes or {}))
        return detection.read_truth(self.write("truth.json", text))

    def test_all_right(self) -> None:
        second = Found(8, 3, [50.0, 50.0, 100.0, 100.0], 0.8)
        scores = detection.evaluate(self.truth(), [FIRST, second])
        self.assertAlmostEqual(scores["AP"], 100.0)

    def test_half_of_it(self) -> None:
        # Precision 1 up to recall 0.5: 51 of the 101 points of the curve.
        scores = detection.evaluate(self.truth(), [FIRST])
        self.assertAlmostEqual(scores["AP50"], 100.0 * 51 / 101)

    def test_a_box_that_is_right_at_half_an_iou_only(self) -> None:
        # IoU 60 / 100: right at 0.50, 0.55 and 0.60.
        narrow = Found(7, 3, [0.0, 0.0, 60.0, 100.0], 0.9)
        scores = detection.evaluate(self.truth(), [narrow])
        self.assertAlmostEqual(scores["AP"], 100.0 * 0.3 * 51 / 101)

    def test_nothing_found(self) -> None:
        self.assertEqual(detection.evaluate(self.truth(), [])["AP"], 0.0)

    def test_faults(self) -> None:
        box = TRUTH["annotations"][0]
        for changes, says in [
            ({"annotations": []}, "has no box"),
            ({"annotations": [box | {"bbox": [0, 0, -1, 5]}]}, "annotations[0].bbox is"),
            ({"annotations": [box | {"bbox": [0, 0, 1]}]}, "has 3 numbers"),
            ({"annotations": [box | {"image_id": 1}]}, "image_id is 1, which is not"),
            ({"images": TRUTH["images"] + TRUTH["images"]}, "images[2] has the id 7"),
        ]:
            with self.subTest(says=says):
                self.refuses(self.truth, changes, line=None, says=says)

    def test_results(self) -> None:
        truth = self.truth()
        result = {"image_id": 7, "category_id": 3, "bbox": [0, 0, 5, 5], "score": 0.5}

        def results(**changes: object) -> Path:
            return self.write("results.json", json.dumps([result | changes]))

        self.assertEqual(len(detection.read_results(results(), truth)), 1)
        cases: list[tuple[dict[str, object], str]] = [
            ({"score": 2}, "[0].score is 2"),
            ({"bbox": [0, 0, 0, 5]}, "a size above 0"),
            ({"category_id": 4}, "category_id is 4, which is not"),
        ]
        for changes, says in cases:
            path = results(**changes)
            self.refuses(detection.read_results, path, truth, line=None, says=says)

    def test_the_agents_own_lines(self) -> None:
        lines = [
            {"frame": 1, "class": "car", "score": 0.5, "box": [0, 0, 5, 5]},
            {"frame": 1, "class": "dog", "score": 0.5, "box": [0, 0, 5, 5]},
        ]
        path = self.write("found.jsonl", "\n".join(map(json.dumps, lines)))
        found = detection.read_agent(path, 7, self.truth())
        self.assertEqual([(one.image, one.category) for one in found], [(7, 3)])
