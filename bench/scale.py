#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures how cost grows with the number of tasks, of workers, and with the size of messages, into scale.json.

tools/plots.py draws the pictures in docs/images from it.
"""
import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import machine
import measure
import programs

MANY_TASKS = 1_000_000  # their memory alone takes seconds to be had, so they are measured once
TASKS = [1, 10, 100, 1_000, 10_000, 100_000, MANY_TASKS]
WORKERS = [1, 2, 4, 8, 16]
BYTES = [8, 64, 512, 4096, 32768, 65536]
TOTAL_SECONDS = 1200    # no point is begun later


@dataclass(frozen=True)
class Axis:
    benches: tuple
    points: tuple         # (workers, size)


AXES = {
    "tasks": Axis(("yield_100k", "spawn_batch", "mem_parked"), tuple((1, tasks) for tasks in TASKS)),
    "workers": Axis(("spawn_batch", "skynet", "chan_mpmc", "mutex_64"), tuple((workers, None) for workers in WORKERS)),
    "bytes": Axis(("chan_pingpong", "chan_mpmc"), tuple((1, size) for size in BYTES)),
}


def measure_axis(name, axis, systems, files, rounds, deadline):
    results, points = [], [measure.Point(bench, *point) for bench in axis.benches for point in axis.points]
    for number, what in enumerate(points, 1):
        if time.monotonic() > deadline:
            print(f"bench: out of time, not measured: {name}: {', '.join(map(str, points[number - 1:]))}")
            break
        measure.progress(f"{name} {number}/{len(points)} {what}")
        values, unit = measure.point(what, systems, files, 1 if what.size == MANY_TASKS else rounds)
        shown = "  ".join(f"{system} {value:,.4g}" for system, value in values.items())
        measure.progress("")
        print(f"{str(what):32} {unit:6} {shown}", flush=True)
        results += [{"axis": name, "bench": what.bench, "system": system, "workers": what.workers, "size": what.size,
                     "value": value, "unit": unit} for system, value in values.items()]
    return results


def save(path, results):
    """What was not measured this time stays."""
    def key(one):
        return one["axis"], one["bench"], one["workers"], one["size"]
    measured = {key(one) for one in results}
    before = json.loads(path.read_text()) if path.exists() else []
    path.write_text(json.dumps([one for one in before if key(one) not in measured] + results, indent=1) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description="Measure how cost grows.")
    parser.add_argument("--build-dir", type=Path, default=Path("build/bench"), help="for the peers and scale.json")
    parser.add_argument("--drey", type=Path, default=Path("build/release/bench/bench-drey"), help="our own program")
    parser.add_argument("--only", metavar="AXIS", action="append", choices=AXES, help=f"of {', '.join(AXES)}")
    parser.add_argument("--rounds", type=int, default=5, help="medians are over so many rounds (default 5)")
    return parser.parse_args()


def main():
    args = arguments()
    deadline = time.monotonic() + TOTAL_SECONDS
    build = args.build_dir.resolve()
    build.mkdir(parents=True, exist_ok=True)
    compared = ("drey", "tokio", "go")
    systems = {name: path for name, path in programs.build_all(build, args.drey).items() if name in compared}
    files = programs.make_files(build)
    watch = machine.Watch()
    watch.warn_at_start()
    for name in args.only or AXES:
        save(build / "scale.json", measure_axis(name, AXES[name], systems, files, args.rounds, deadline))
    watch.warn_at_end()
    (build / "scale-machine.json").write_text(json.dumps(machine.describe(args.rounds), indent=1) + "\n")


if __name__ == "__main__":
    main()
