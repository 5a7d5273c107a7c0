"""Hostile MOTChallenge files: refused by name and line."""

from __future__ import annotations

from .. import motfile
from . import InFolder

GOOD = "1,1,10,10,5,5,0.9,-1,-1,-1\n"


class Refusals(InFolder):
    def check(self, bad_line: str, says: str) -> None:
        path = self.write("found.txt", GOOD + bad_line + "\n")
        self.refuses(motfile.read_found, path, 10, line=2, says=says)

    def test_what_is_no_number(self) -> None:
        for text, says in [
            ("nan", "'nan' is no finite number"),
            ("inf", "'inf' is no finite number"),
            ("-Infinity", "no finite number"),
            ("1e999", "no finite number"),
            ("1_0", "'1_0' is no number"),
            ("\u0661", "is no number"),
            ("", "'' is no number"),
            ("x", "'x' is no number"),
        ]:
            with self.subTest(text=text):
                self.check(f"2,1,{text},10,5,5,0.9,-1,-1,-1", says)

    def test_sizes(self) -> None:
        self.check("2,1,10,10,-5,5,0.9,-1,-1,-1", "width is -5, needs to be above 0")
        self.check("2,1,10,10,5,0,0.9,-1,-1,-1", "height is 0, needs to be above 0")
        self.check("2,1,1e9,10,5,5,0.9,-1,-1,-1", "left is 1e+09, beyond")

    def test_frames_and_ids(self) -> None:
        self.check("0,1,10,10,5,5,0.9,-1,-1,-1", "frame is 0, needs a whole number from 1 to 10")
        self.check("11,1,10,10,5,5,0.9,-1,-1,-1", "frame is 11")
        self.check("1.5,1,10,10,5,5,0.9,-1,-1,-1", "frame is 1.5, needs a whole number")
        self.check("2,-1,10,10,5,5,0.9,-1,-1,-1", "id is -1")
        self.check("1,1,20,20,5,5,0.9,-1,-1,-1", "id 1 is in frame 1 already, on line 1")

    def test_columns(self) -> None:
        self.check("2,1,10,10,5,5,0.9", "has 7 columns, the lines before have 10")
        short = self.write("short.txt", "1,1,10,10,5\n")
        self.refuses(motfile.read_found, short, 10, line=1, says="has 5 columns, needs 6")
        binary = self.folder / "binary.txt"
        binary.write_bytes(b"\xff\xfe\x00")
        self.refuses(motfile.read_found, binary, 10, line=None, says="is no UTF-8 text")

    def test_truth_needs_a_mark_and_a_known_class(self) -> None:
        unmarked = self.write("gt.txt", "1,1,10,10,5,5\n")
        self.refuses(motfile.read_truth, unmarked, line=1, says="has 6 columns, needs 7")
        unknown = self.write("gt.txt", "1,1,10,10,5,5,1,99,1\n")
        self.refuses(motfile.read_truth, unknown, line=1, says="class is 99")


class Readings(InFolder):
    def test_an_empty_file_is_a_tracker_that_found_nothing(self) -> None:
        self.assertEqual(motfile.read_found(self.write("found.txt", ""), 10), [])
        self.assertEqual(motfile.read_found(self.write("found.txt", "\n \r\n"), 10), [])

    def test_blanks_line_ends_and_a_last_comma_do_not_matter(self) -> None:
        rows = motfile.read_found(self.write("found.txt", "1, 7, 10, 10, 5, 5, 0.9,\r\n"), 10)
        self.assertEqual([(row.frame, row.track, row.width) for row in rows], [(1, 7, 5.0)])

    def test_world_places_are_no_classes(self) -> None:
        rows = motfile.read_truth(self.write("gt.txt", "1,1,88,99,61,218,1,4.4852,5.5016,0\n"))
        self.assertEqual(rows[0].kind, motfile.PEDESTRIAN)

    def test_seqinfo(self) -> None:
        good = self.write("seqinfo.ini", "[Sequence]\nname=50%\nseqLength=795\n")
        self.assertEqual(motfile.read_frame_count(good), 795)
        for text, line, says in [
            ("[Sequence]\nname=x\n", None, "seqLength is ''"),
            ("[Sequence]\nseqLength=-3\n", None, "seqLength is '-3'"),
            ("[Sequence]\nseqLength=99999999999\n", None, "needs a whole number"),
            ("[Sequence]\nseqLength=1\nseqLength=2\n", 3, "already exists"),
            ("seqLength=5\n", 1, "no section headers"),
        ]:
            with self.subTest(text=text):
                path = self.write("seqinfo.ini", text)
                self.refuses(motfile.read_frame_count, path, line=line, says=says)
