"""Figures that can be worked out by hand."""

from __future__ import annotations

import unittest

from .. import tracking
from ..faults import Fault
from ..motfile import Row
from ..tracking import Drive, evaluate

CAR = 3


def row(frame: int, track: int, left: float, mark: float = 1.0, kind: int = 1) -> Row:
    return Row(frame, track, left, 0.0, 10.0, 10.0, mark, kind)


def score(truth: list[Row], found: list[Row], frame_count: int = 4) -> tracking.Scores:
    return evaluate([Drive("one", frame_count, truth, found)])["one"]


TWO = [row(frame, track, 100.0 * track) for frame in range(1, 5) for track in (1, 2)]


class Figures(unittest.TestCase):
    def test_what_is_right_is_all_right(self) -> None:
        scores = score(TWO, TWO)
        for name in ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "Recall", "Precision"):
            self.assertAlmostEqual(scores[name], 100.0, msg=name)
        self.assertEqual((scores["TP"], scores["FP"], scores["FN"], scores["IDSW"]), (8, 0, 0, 0))

    def test_names_of_tracks_do_not_matter(self) -> None:
        renamed = [row(r.frame, 2**52 + 7 * r.track, r.left) for r in TWO]
        self.assertAlmostEqual(score(TWO, renamed)["HOTA"], 100.0)

    def test_two_that_swap_their_ids(self) -> None:
        swapped = [row(r.frame, r.track if r.frame < 3 else 3 - r.track, r.left) for r in TWO]
        scores = score(TWO, swapped)
        self.assertEqual(scores["IDSW"], 2)
        # 1 - (0 + 0 + 2) / 8; half of the boxes bear the right name.
        self.assertAlmostEqual(scores["MOTA"], 75.0)
        self.assertAlmostEqual(scores["IDF1"], 50.0)
        # Each of the 8 boxes: 2 associations of 4 + 4 - 2.
        self.assertAlmostEqual(scores["AssA"], 100.0 / 3.0)
        self.assertAlmostEqual(scores["HOTA"], 100.0 * (1.0 / 3.0) ** 0.5)

    def test_nothing_found(self) -> None:
        scores = score(TWO, [])
        self.assertEqual((scores["FN"], scores["TP"], scores["FP"]), (8, 0, 0))
        self.assertEqual((scores["HOTA"], scores["MOTA"], scores["IDF1"]), (0.0, 0.0, 0.0))

    def test_nothing_to_find_is_refused(self) -> None:
        with self.assertRaises(Fault):
            score([row(1, 1, 0.0, mark=0.0)], TWO)

    def test_distractors_take_what_is_on_them_away(self) -> None:
        static = [row(frame, 9, 900.0, mark=0.0, kind=7) for frame in range(1, 5)]
        self.assertEqual(score(TWO + static, TWO + static)["FP"], 0)
        bicycle = [row(frame, 9, 900.0, mark=0.0, kind=4) for frame in range(1, 5)]
        self.assertEqual(score(TWO + bicycle, TWO + bicycle)["FP"], 4)

    def test_without_pedestrians_the_marked_classes_are_scored(self) -> None:
        cars = [row(frame, 1, 100.0, kind=CAR) for frame in range(2, 5)]
        entering = [row(1, 1, 100.0, mark=0.0, kind=CAR)]
        found = [row(frame, 5, 100.0) for frame in range(1, 5)]
        scores = score(entering + cars, found)
        self.assertEqual((scores["TP"], scores["FP"], scores["FN"]), (3, 0, 0))

    def test_all_together_are_one(self) -> None:
        half = [r for r in TWO if r.track == 1]
        scores = evaluate([Drive("a", 4, TWO, TWO), Drive("b", 4, TWO, half)])
        self.assertAlmostEqual(scores[tracking.COMBINED]["MOTA"], 75.0)
        self.assertAlmostEqual(scores["b"]["MOTA"], 50.0)

    def test_more_tracks_than_memory_are_refused(self) -> None:
        many = [row(1 + n // 4000, n, 100.0) for n in range(6000)]
        with self.assertRaises(Fault):
            score(many, many, 10)
