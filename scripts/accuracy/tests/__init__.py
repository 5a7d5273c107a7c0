"""Laws and cases; `scripts/eval --self-test` runs them."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path

from ..faults import Fault


class InFolder(unittest.TestCase):
    """A case with a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="vong-eval-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def refuses(
        self, call: Callable[..., object], *given: object, line: int | None, says: str
    ) -> None:
        with self.assertRaises(Fault) as caught:
            call(*given)
        self.assertEqual(caught.exception.line, line, str(caught.exception))
        self.assertIn(says, caught.exception.message)
