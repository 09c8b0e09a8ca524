#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures drey and its peers on the same work, side by side, and prints one table.

A missing peer or a failed measurement is reported and left out: it never fails the build.
"""
import argparse
import json
import time
from pathlib import Path

import machine
import measure
import net
import process
import programs
from rows import ROWS, SYSTEMS, line, table

TOTAL_SECONDS = 560   # no row is begun that is not expected to end by then


def measure_row(row, what, systems, files, rounds):
    if row.bench in process.BENCHES:
        return process.point(what, systems, files.parent, rounds)
    if row.bench in net.BENCHES:
        return net.point(what, systems, files.parent, rounds)
    return measure.point(what, systems, files, 1 if row.once else rounds)


def measure_all(rows, systems, files, rounds, deadline):
    """{(bench, workers): (values, unit)}"""
    measured, late, longest = {}, [], 0.0
    for number, row in enumerate(rows, 1):
        start = time.monotonic()
        if start + longest > deadline:
            late.append(f"{row.bench} w{row.workers}")
            continue
        measure.progress(f"{number}/{len(rows)} {row.bench} w{row.workers}")
        what = measure.Point(row.bench, row.workers)
        measured[row.bench, row.workers] = measure_row(row, what, systems, files, rounds)
        longest = max(longest, time.monotonic() - start)
    measure.progress("")
    if late:
        print(f"bench: out of time, not measured: {', '.join(late)}")
    return measured


def save(path, found):
    """Rows that were not measured this time stay as they were: what is compared is a row."""
    results = [{"bench": bench, "system": system, "workers": workers, "value": values[system], "unit": unit}
               for (bench, workers), (values, unit) in found.items() for system in SYSTEMS if system in values]
    measured = {(one["bench"], one["workers"]) for one in results}
    names = {row.bench for row in ROWS}
    before = json.loads(path.read_text()) if path.exists() else []
    kept = [one for one in before if one["bench"] in names and (one["bench"], one["workers"]) not in measured]
    order = {row.bench: number for number, row in reversed(list(enumerate(ROWS)))}
    merged = sorted(kept + results, key=lambda one: (order[one["bench"]], one["workers"]))
    path.write_text(json.dumps(merged, indent=1) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description="Measure drey and its peers on the same work.")
    parser.add_argument("--build-dir", type=Path, default=Path("build/bench"), help="for the peers and results.json")
    parser.add_argument("--drey", type=Path, default=Path("build/release/bench/bench-drey"), help="our own program")
    parser.add_argument("--only", metavar="NAME", action="append", help="this benchmark only; may be repeated")
    parser.add_argument("--rounds", type=int, default=5, help="medians are over so many rounds (default 5)")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    unknown = set(args.only or []) - {row.bench for row in ROWS}
    if unknown:
        names = ", ".join(dict.fromkeys(row.bench for row in ROWS))
        parser.error(f"no benchmark named {', '.join(sorted(unknown))}; there are: {names}")
    return args


def main():
    args = arguments()
    deadline = time.monotonic() + TOTAL_SECONDS
    build = args.build_dir.resolve()
    build.mkdir(parents=True, exist_ok=True)
    systems = programs.build_all(build, args.drey)
    files = programs.make_files(build)
    watch = machine.Watch()
    watch.warn_at_start()
    rows = [row for row in ROWS if not args.only or row.bench in args.only]
    measured = measure_all(rows, systems, files, args.rounds, deadline)
    print(table([line(row, measured) for row in rows if (row.bench, row.workers) in measured]))
    print(f"Medians of {args.rounds} rounds, of servers at least {net.ROUNDS}; w: workers; tokio, go: how many times "
          "better drey is, and the aim.")
    watch.warn_at_end()
    save(build / "results.json", measured)
    (build / "machine.json").write_text(json.dumps(machine.describe(args.rounds), indent=1) + "\n")


if __name__ == "__main__":
    main()
