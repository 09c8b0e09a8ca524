#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures drey and its peers on the same work, side by side, and prints one table.

Systems take turns (A B C, A B C, ...), so that a disturbance hits all of them; the medians are compared.
A missing peer or a failed measurement is reported and left out: it never fails the build.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import programs
from rows import ROWS, SYSTEMS, line, more_is_better, table

RUN_SECONDS = 60      # for one program
TOTAL_SECONDS = 560   # no row is begun later
NOT_OFFERED = 3       # exit status: the program does not have this benchmark


class Machine:
    """What else the machine did meanwhile."""

    def __init__(self):
        self.load = os.getloadavg()[0]
        self.start = self.sample()

    @staticmethod
    def sample():
        user, nice, system, idle, wait, irq, softirq, stolen = map(
            int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
        own = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        busy = user + nice + system
        return busy + idle + wait + irq + softirq + stolen, busy, stolen, own * os.sysconf("SC_CLK_TCK")

    def warn_at_start(self):
        if self.load > 0.5:
            print(f"bench: warning: the load average is {self.load:.2f}: the machine is not idle")

    def warn_at_end(self):
        total, busy, stolen, own = (now - then for now, then in zip(self.sample(), self.start))
        total = max(total, 1)
        if stolen / total > 0.01:
            print(f"bench: warning: {stolen / total:.1%} of the CPU was stolen by other virtual machines")
        if (busy - own) / total > 0.05:
            print(f"bench: warning: other programs took {(busy - own) / total:.0%} of the CPU: measure again when idle")


def measure_once(program, row, files):
    """[(variant, value, unit)]; None if the program does not offer the benchmark."""
    done = subprocess.run([program, row.bench, str(row.workers)], env={**os.environ, "BENCH_FILES": str(files)},
                          capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    if done.returncode == NOT_OFFERED:
        return None
    if done.returncode != 0:
        raise RuntimeError(f"exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    lines = [text.split() for text in done.stdout.splitlines()]
    return [(variant, float(value), unit) for _bench, variant, _workers, value, unit in lines]


def measure_row(row, systems, files, rounds):
    """({system: median of its best variant}, unit). A variant is `system-mode`."""
    samples, unit, active = {}, "", dict(systems)
    for _ in range(rounds):
        for system, program in list(active.items()):
            try:
                found = measure_once(program, row, files)
            except (RuntimeError, ValueError, OSError, subprocess.TimeoutExpired) as why:
                progress("")
                print(f"bench: {row.bench} w{row.workers}: {system} failed and is left out: {why}")
                samples = {variant: s for variant, s in samples.items() if variant.split("-")[0] != system}
                found = None
            if found is None:
                del active[system]
                continue
            for variant, value, unit in found:
                samples.setdefault(variant, []).append(value)
    best = max if more_is_better(unit) else min
    values = {}
    for variant, seen in samples.items():
        system, median = variant.split("-")[0], statistics.median(seen)
        values[system] = best(values.get(system, median), median)
    return values, unit


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure_all(rows, systems, files, rounds, deadline):
    lines, results, late = [], [], []
    for number, row in enumerate(rows, 1):
        if time.monotonic() > deadline:
            late.append(f"{row.bench} w{row.workers}")
            continue
        progress(f"{number}/{len(rows)} {row.bench} w{row.workers}")
        values, unit = measure_row(row, systems, files, rounds) if row.ready else ({}, "")
        lines.append(line(row, values, unit))
        results += [{"bench": row.bench, "system": system, "workers": row.workers, "value": values[system],
                     "unit": unit} for system in SYSTEMS if system in values]
    progress("")
    if late:
        print(f"bench: out of time, not measured: {', '.join(late)}")
    return lines, results


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
    machine = Machine()
    machine.warn_at_start()
    rows = [row for row in ROWS if not args.only or row.bench in args.only]
    lines, results = measure_all(rows, systems, files, args.rounds, deadline)
    print(table(lines))
    print(f"Medians of {args.rounds} rounds; w: workers; tokio, go: how many times better drey is, and the aim.")
    machine.warn_at_end()
    (build / "results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
