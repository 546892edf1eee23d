"""Asks a running graph for episodes and writes their results: the part of `s2r drive` that a launch file needs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sim2real_ad.errors import Sim2RealError
from sim2real_ad.evaluation.results import ResultWriter
from sim2real_ad.ros.drive import drive_all, requests_for, require_judged
from sim2real_ad.ros.preflight import default_out, describe_run
from sim2real_ad.ros.transport import require_profile


def main() -> None:
    """Run the episodes and exit: 0 where every one was judged, else 2 with one line on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="all")
    parser.add_argument("--episodes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="")
    options, _ros_arguments = parser.parse_known_args()
    try:
        require_profile()
        _run(options)
    except Sim2RealError as error:
        sys.stderr.write(f"error: episodes: {error}\n")
        sys.exit(2)


def _run(options: argparse.Namespace) -> None:
    requests = requests_for(options.scenario, options.episodes, options.seed)
    folder = Path(options.out) if options.out else default_out("launch")
    run = describe_run(sys.argv, "launched", seed=options.seed)
    with ResultWriter(folder, run) as writer:
        drive_all(requests, _nothing, writer, _tell)
        require_judged(writer, len(requests))


def _tell(text: str, done: int) -> None:
    sys.stdout.write(f"{text} ({done} done)\n")
    sys.stdout.flush()


def _nothing() -> None:
    """The launch system watches the processes."""


if __name__ == "__main__":
    main()
