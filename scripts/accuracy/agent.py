"""Runs `edge-agent analyze` and reads what it wrote."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import document, events, motfile
from .faults import Fault

RUN_SECONDS_MAX = 3600
HELP_SECONDS_MAX = 30


@dataclass(frozen=True, slots=True)
class Agent:
    program: Path
    model: str | None

    def help(self) -> str:
        """What `analyze` says of its options."""
        command = [str(self.program), "analyze", "--help"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=HELP_SECONDS_MAX, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Fault(self.program, f"`analyze --help` cannot be run: {error}") from error
        return done.stdout

    def analyze(self, video: Path, camera: str, out: Path, extra: list[str]) -> Run:
        """Results go to the folder `out`, with the log; `camera` is the text of a camera file."""
        out.mkdir(parents=True, exist_ok=True)
        config, log = out / "camera.toml", out / "log.txt"
        config.write_text(camera, encoding="utf-8")
        run = Run(out / "events.jsonl", out / "tracks.txt", out / "stats.json")
        for path in (run.events_file, run.tracks_file, run.stats_file):
            path.unlink(missing_ok=True)
        command = [
            str(self.program), "analyze", str(video), "--config", str(config),
            "--events", str(run.events_file), "--tracks", str(run.tracks_file),
            "--stats", str(run.stats_file), *extra,
        ]  # fmt: skip
        if self.model:
            command += ["--model", self.model]
        try:
            with log.open("wb") as sink:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                    timeout=RUN_SECONDS_MAX, check=False,
                )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Fault(video, f"the agent is not done after {RUN_SECONDS_MAX} s: {log}") from error
        except OSError as error:
            raise Fault(self.program, f"cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = lines[-1][:300] if lines else "it says nothing"
            raise Fault(video, f"the agent ended with {done.returncode}: {last} ({log})")
        return run


@dataclass(frozen=True, slots=True)
class Run:
    events_file: Path
    tracks_file: Path
    stats_file: Path

    def events(self) -> list[events.Event]:
        stats = document.load(self.stats_file)
        origin = stats.at("origin_us").integer() if stats.has("origin_us") else 0
        return events.read(self.events_file, origin)

    def boxes(self, frame_count: int | None = None) -> list[motfile.Row]:
        return motfile.read_found(self.tracks_file, frame_count or motfile.FRAMES_MAX)

    def cpu_seconds(self) -> float | None:
        stats = document.load(self.stats_file)
        return stats.at("cpu_seconds").number(0) if stats.has("cpu_seconds") else None
