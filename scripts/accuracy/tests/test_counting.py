"""Counts files, and events against them."""

from __future__ import annotations

import json
import tomllib
import unittest
from pathlib import Path

from .. import camera, counting, events, truth
from ..match import Expected, Seen, greedy
from . import InFolder

COUNTS = {
    "video": "road.mp4",
    "fps": 10,
    "size": [200, 100],
    "lines": [
        {
            "id": "L1",
            "p1": [0, 50],
            "p2": [200, 50],
            "crossings": [
                {"t": 5, "t_first": 4.5, "t_last": 5.2, "dir": "up", "class": "car"},
                {"t": 9, "dir": "down", "class": "car"},
                {"t": 0.4, "dir": "down", "class": "car", "note": "optional (warm-up)"},
            ],
        }
    ],
    "zones": [
        {
            "id": "Z",
            "polygon": [[0, 0], [100, 0], [100, 100]],
            "rule": "loitering: same person inside >= 20 s",
            "events": [{"person": 1, "enter_t": 10, "exit_t": 45}, {"enter_t": 1, "exit_t": 3}],
            "occupancy_per_frame": [0, 1, 1],
        },
        {
            "id": "grass",
            "polygon": [[0, 0], [100, 0], [100, 100]],
            "rule": "intrusion: feet on the grass",
            "events": [{"person": 4, "enter_t": 50, "exit_t": 73}],
        },
    ],
    "presence": [{"class": "person", "t": [1.0, 2.0], "count": 1, "tolerance_s": 0.5}],
    "dont_care": ["id 8 touches L1 at the end (78.9-79.4): either is right"],
    "convention": {"tolerance_s": 0.5},
}


def said(at: float, rule: str, kind: str, **more: object) -> str:
    event = {"captured_us": round(at * 1e6), "rule": rule, "kind": kind, "phase": "instant"}
    return json.dumps(event | {"objects": [{"class": "car"}]} | more)


class Matching(unittest.TestCase):
    def test_one_to_one_the_nearest_first(self) -> None:
        expected = [Expected(5.0, 4.0, 6.0), Expected(5.8, 5.0, 7.0)]
        matched = greedy(expected, [Seen(5.7), Seen(5.2), Seen(5.9)])
        self.assertEqual([(e.at, s.at) for e, s in matched.pairs], [(5.0, 5.2), (5.8, 5.7)])
        self.assertEqual([s.at for s in matched.extra], [5.9])

    def test_the_way_must_be_right(self) -> None:
        matched = greedy([Expected(5, 4, 6, "to_left")], [Seen(5, "to_right")])
        self.assertEqual((len(matched.missed), len(matched.extra)), (1, 1))

    def test_optional_is_right_to_see_and_to_miss(self) -> None:
        expected = [Expected(5, 4, 6, is_optional=True)]
        self.assertEqual(greedy(expected, []).missed, [])
        self.assertEqual(greedy(expected, [Seen(5)]).extra, [])


class Sides(unittest.TestCase):
    def test_walking_down_the_picture_left_is_to_the_right(self) -> None:
        self.assertEqual(truth.side_reached((0, 10), "left"), "to_right")
        self.assertEqual(truth.side_reached((0, 10), "right"), "to_left")
        self.assertEqual(truth.side_reached((10, 0), "down"), "to_right")
        self.assertEqual(truth.side_reached((10, 0), "up"), "to_left")
        self.assertEqual(truth.side_reached((230, -49), "down"), "to_right")
        self.assertIsNone(truth.side_reached((10, 0), "left"))

    def test_a_line_walked_the_other_way_has_the_other_side(self) -> None:
        for word in truth.WAYS:
            one, other = truth.side_reached((3, 4), word), truth.side_reached((-3, -4), word)
            self.assertNotEqual(one, other)


class Files(InFolder):
    def read(self, changes: dict[str, object] | None = None) -> truth.Counts:
        return truth.read(self.write("Road 1.json", json.dumps(COUNTS | (changes or {}))))

    def test_rows(self) -> None:
        lines = [
            said(5.4, "road-1-l1", "line_crossed", direction="to_left"),
            said(20.0, "road-1-l1", "line_crossed", direction="to_left"),
            said(79.0, "road-1-l1", "line_crossed", direction="to_left"),
            said(30.2, "road-1-z", "dwell_exceeded", phase="begin"),
            said(0.1, "road-1-z", "zone_occupancy", measures=[{"name": "occupancy", "value": 1}]),
            said(51.0, "road-1-grass", "intrusion", phase="begin"),
            said(60.0, "road-1-grass", "intrusion", phase="change"),
        ]
        log = events.read(self.write("events.jsonl", "\n".join(lines)))
        rows = {row.what: row for row in counting.rows("road", self.read(), log, None)}
        line = rows["line L1"]
        self.assertEqual(
            [line.cells[k] for k in ("expected", "found", "missed", "extra")], [3, 1, 1, 1]
        )
        self.assertIn("1 excused", line.note)
        self.assertIn("missed at 9.0 s", line.note)
        self.assertEqual(rows["loitering Z"].cells["found"], 1)
        self.assertEqual(rows["loitering Z"].cells["expected"], 1)
        self.assertIn("exact in 100.0 %", rows["occupancy Z"].note)
        self.assertEqual(rows["intrusion grass"].cells["extra"], 1)
        self.assertIn("while somebody was there", rows["intrusion grass"].note)
        self.assertIn("skipped", rows["presence"].note)

    def test_the_camera_file_says_the_same(self) -> None:
        base = self.write("base.toml", 'model = "x"\nline = []\n[tracker]\nlost_seconds = 3.0\n')
        text = camera.camera_toml(Path('/a "b".mp4'), [self.read()], base, ["person"])
        made = tomllib.loads(text)
        self.assertEqual(made["source"], '/a "b".mp4')
        self.assertEqual(made["model"], "x")
        self.assertEqual(made["tracker"], {"lost_seconds": 3.0})
        line = {"name": "road-1-l1", "points": [[0.0, 0.5], [1.0, 0.5]]}
        self.assertEqual(made["line"], [line])
        self.assertEqual(made["zone"][0]["dwell_limit_seconds"], 20.0)
        self.assertEqual(made["intrusion"][0]["polygon"][2], [0.5, 1.0])

    def test_faults_name_their_place(self) -> None:
        bad = {"t": 1, "dir": "north"}
        line = COUNTS["lines"][0]  # type: ignore[index]
        for changes, says in [
            ({"fps": 0}, "fps is 0"),
            ({"size": [0, 100]}, "size[0] is 0"),
            ({"size": [1]}, "size has 1 items"),
            ({"lines": [line | {"crossings": [bad]}]}, "lines[0].crossings[0].dir is 'north'"),
            ({"lines": [line | {"p2": [0, 50]}]}, "has no length"),
            ({"lines": [line | {"p2": [9e9, 50]}]}, "lines[0].p2[0] is"),
            ({"zones": [{"id": "z", "polygon": [[0, 0]]}]}, "zones[0].polygon has 1 points"),
        ]:
            with self.subTest(says=says):
                self.refuses(self.read, changes, line=None, says=says)

    def test_json_that_is_none(self) -> None:
        nan = self.write("nan.json", '{"video": "a", "lines": [], "fps": NaN}')
        self.refuses(truth.read, nan, line=None, says="NaN is no JSON number")
        cut = self.write("cut.json", '{"video": "a",\n "lines": [')
        self.refuses(truth.read, cut, line=2, says="is no JSON")
        deep = self.write("deep.json", "[" * 100_000)
        self.refuses(truth.read, deep, line=None, says="is no JSON")

    def test_events_name_their_line(self) -> None:
        good = said(1, "a", "line_crossed")
        for bad, says in [
            ("{", "is no JSON"),
            ('{"rule": "a"}', "has no 'captured_us'"),
            (good.replace("1000000", "1.5"), "captured_us is no whole number"),
            (good.replace("1000000", "NaN"), "NaN is no JSON number"),
        ]:
            with self.subTest(says=says):
                path = self.write("events.jsonl", f"{good}\n{bad}\n")
                self.refuses(events.read, path, line=2, says=says)
