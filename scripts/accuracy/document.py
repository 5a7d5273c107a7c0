"""JSON from outside: every value is checked as it is taken out, and a fault names its place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from .faults import Fault, read_text

ITEMS_MAX = 5_000_000


class Node:
    """A JSON value with the place it has in its file."""

    def __init__(self, value: object, path: Path, place: str = "", line: int | None = None) -> None:
        self.value, self.path, self.place, self.line = value, path, place, line

    def refuse(self, message: str) -> NoReturn:
        raise Fault(self.path, f"{self.place or 'the document'} {message}", self.line)

    def _child(self, value: object, place: str) -> Node:
        return Node(value, self.path, place, self.line)

    def has(self, key: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def at(self, key: str) -> Node:
        """The value of a key that must be there."""
        if not isinstance(self.value, dict):
            self.refuse("is no object")
        if key not in self.value:
            self.refuse(f"has no {key!r}")
        return self._child(self.value[key], f"{self.place}.{key}".lstrip("."))

    def items(self) -> Iterator[Node]:
        if not isinstance(self.value, list):
            self.refuse("is no list")
        if ITEMS_MAX < len(self.value):
            self.refuse(f"has more than {ITEMS_MAX} items")
        for index, value in enumerate(self.value):
            yield self._child(value, f"{self.place}[{index}]")

    def optional(self, key: str) -> Iterator[Node]:
        """The items of a list that may be missing."""
        if self.has(key):
            yield from self.at(key).items()

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value:
            self.refuse("is no text")
        return self.value

    def number(self, least: float = -1e9, most: float = 1e9) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.refuse("is no number")
        if not (math.isfinite(self.value) and least <= self.value <= most):
            self.refuse(f"is {self.value}, needs a number from {least:g} to {most:g}")
        return float(self.value)

    def integer(self, least: int = -(2**53), most: int = 2**53) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.refuse("is no whole number")
        if not least <= self.value <= most:
            self.refuse(f"is {self.value}, needs a whole number from {least} to {most}")
        return self.value

    def numbers(self, count: int) -> list[float]:
        """A list of exactly `count` numbers."""
        found = [item.number() for item in self.items()]
        if len(found) != count:
            self.refuse(f"has {len(found)} numbers, needs {count}")
        return found


def load(path: Path) -> Node:
    """A JSON file; `NaN` and `Infinity`, which are no JSON, are refused."""
    return Node(parse(read_text(path), path), path)


def parse(text: str, path: Path, line: int | None = None) -> object:
    """A JSON text; `line` is where it stands in its file, if it is one line of it."""

    def refuse_constant(name: str) -> NoReturn:
        raise Fault(path, f"{name} is no JSON number", line)

    try:
        return json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise Fault(path, f"is no JSON: {error.msg}", line or error.lineno) from error
    except (RecursionError, ValueError) as error:
        raise Fault(path, f"is no JSON: {error}", line) from error
