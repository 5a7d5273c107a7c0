"""The one error of this tool: what is wrong, and where."""

from __future__ import annotations

from pathlib import Path

FILE_BYTES_MAX = 512 * 1024 * 1024


class Fault(Exception):
    """A fault in something that was given, told as `file:line: what`."""

    def __init__(self, path: Path | str, message: str, line: int | None = None) -> None:
        self.path, self.message, self.line = path, message, line
        place = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{place}: {message}")


class Missing(Fault):
    """Something that is named and is not there: what needs it is skipped."""


def read_text(path: Path) -> str:
    """The whole file as UTF-8 without a byte order mark."""
    try:
        if FILE_BYTES_MAX < path.stat().st_size:
            raise Fault(path, f"has more than {FILE_BYTES_MAX} bytes")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Fault(path, f"is no UTF-8 text: byte {error.start} is {error.reason}") from error
    except OSError as error:
        raise Fault(path, f"cannot be read: {error.strerror}") from error
