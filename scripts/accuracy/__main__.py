"""The command line; `scripts/eval` calls it."""

from __future__ import annotations

import argparse
import sys
import unittest
from pathlib import Path

from . import compare, measure, oracle, report
from .agent import Agent
from .faults import Fault

USAGE = """\
  scripts/eval [--data DIR] ...           run the agent on all that has ground truth under DIR
  scripts/eval --metrics-only GT PRED     compare two files, without the agent
  scripts/eval --self-test [DIR]          check this tool; DIR has figures of the reference"""


def main(arguments: list[str]) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.self_test is not None:
            return _self_test(options.self_test)
        rows = _rows(parser, options)
        print(report.table(rows))
        if options.json:
            report.write_json(options.json, rows)
    except Fault as fault:
        print(f"eval: {fault}", file=sys.stderr)
        return 1
    return 1 if any(row.is_fault for row in rows) else 0


def _rows(parser: argparse.ArgumentParser, options: argparse.Namespace) -> list[report.Row]:
    if options.metrics_only:
        return compare.rows(*options.metrics_only)
    roots = options.data or measure.default_roots()
    if not roots:
        parser.error("give --data DIR, or set VONG_EVAL_DATA to folders with ground truth")
    if options.agent is None:
        parser.error("give --agent PATH")
    classes = options.classes.split(",") if options.classes else None
    agent = Agent(options.agent.resolve(), options.model)
    rows = measure.measure(measure.Session(agent, options.out, options.config, classes), roots)
    if not rows:
        raise Fault(", ".join(map(str, roots)), "holds nothing of a layout that is known here")
    return rows


def _self_test(folder: str) -> int:
    package = Path(__file__).parent
    suite = unittest.defaultTestLoader.discover(
        str(package / "tests"), top_level_dir=str(package.parent)
    )
    passed = unittest.TextTestRunner(verbosity=1).run(suite).wasSuccessful()
    if not folder:
        print("reference figures: skipped, no folder was given")
        return 0 if passed else 1
    faults = oracle.run(Path(folder), print)
    for fault in faults:
        print(fault)
    verdict = f"{len(faults)} figures differ" if faults else "all figures agree"
    print(f"reference figures: {verdict} to {oracle.TOLERANCE}")
    return 0 if passed and not faults else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "eval", usage="\n" + USAGE, description="The agent's accuracy, measured and printed."
    )
    add = parser.add_argument
    add("--data", type=Path, action="append", metavar="DIR", help="default: $VONG_EVAL_DATA")
    add("--agent", type=Path, metavar="PATH", help="edge-agent; default: the release build")
    add("--model", metavar="NAME", help="default: that of --config, or the best there is")
    add("--config", type=Path, metavar="CAMERA.toml", help="settings, less its lines and zones")
    add("--classes", metavar="A,B", help="default: by the ground truth")
    add("--out", type=Path, metavar="DIR", help="events, tracks, stats and logs of each run")
    add("--json", type=Path, metavar="FILE", help="the table as JSON too")
    add("--metrics-only", nargs=2, type=Path, metavar=("GT", "PRED"))
    add("--self-test", nargs="?", const="", metavar="DIR")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
