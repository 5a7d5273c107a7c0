"""Finding things by layout, and the table."""

from __future__ import annotations

import json

from .. import layout, oracle, report
from . import InFolder
from .test_counting import COUNTS


class Discovery(InFolder):
    def test_by_layout_not_by_name(self) -> None:
        self.write("x/y/any/seqinfo.ini", "[Sequence]\nseqLength=2\n")
        self.write("x/y/any/gt/gt.txt", "1,1,0,0,5,5,1,1,1\n")
        self.write("x/y/any/VIDEO.txt", "v/road a.mp4  (frame n is n)\n")
        self.write("z/flat/seqinfo.ini", "[Sequence]\nseqLength=2\n")
        self.write("x/v/road a.mp4", "")
        self.write("c.json", json.dumps(COUNTS))
        self.write("d.json", '{"images": [], "annotations": [], "categories": []}')
        self.write("other.json", '{"a": 1}')
        self.write("broken.json", '{"a": ')
        found = layout.discover(self.folder)
        self.assertEqual([s.folder.name for s in found.sequences], ["any"])
        self.assertEqual([p.name for p in found.counts], ["c.json"])
        self.assertEqual([p.name for p in found.boxes], ["d.json"])
        self.assertEqual(len(found.unreadable), 1)
        video = layout.video_of(found.sequences[0])
        self.assertEqual(video, self.folder.resolve() / "x/v/road a.mp4")

    def test_a_video_that_is_not_there(self) -> None:
        path = self.write("s/VIDEO.txt", "gone.mp4\n")
        self.refuses(layout.video_of, layout.Sequence(path.parent), line=None, says="gone.mp4")
        empty = self.write("t/VIDEO.txt", "\n")
        self.refuses(layout.video_of, layout.Sequence(empty.parent), line=1, says="names no video")


class Oracle(InFolder):
    def test_a_wrong_figure_is_seen(self) -> None:
        for name in ("gt", "test"):
            self.write(f"S/{name}.txt", "1,1,0,0,5,5,1,-1,-1,-1\n2,1,0,0,5,5,1,-1,-1,-1\n")
        for mota, differing in [(100.0, 0), (100.009, 0), (99.98, 1)]:
            self.write("expected.json", json.dumps({"G": {"S": {"MOTA": mota}}}))
            self.assertEqual(len(oracle.run(self.folder, lambda _: None)), differing)


class Table(InFolder):
    def test_columns_that_nothing_fills_are_left_out(self) -> None:
        rows = [
            report.Row("a", "tracks", {"HOTA": 51.26, "IDSW": 3}),
            report.Row("b", "x", note="n"),
        ]
        lines = report.table(rows).splitlines()
        self.assertEqual(lines[0].split(), ["data", "what", "HOTA", "IDsw", "note"])
        self.assertEqual(lines[2].split(), ["a", "tracks", "51.3", "3"])
        self.assertEqual(lines[3].split(), ["b", "x", "n"])
