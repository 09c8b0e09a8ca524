# SPDX-License-Identifier: MIT
"""Runs the programs. Systems take turns (A B C, A B C, ...), so that a disturbance hits all; medians are compared."""
import os
import statistics
import subprocess
import sys

from rows import more_is_better

RUN_SECONDS = 60      # for one program
NOT_OFFERED = 3       # exit status: the program does not have this benchmark


class Point:
    """One thing to measure: a benchmark, its workers, and its size if that is not the table's."""

    def __init__(self, bench, workers, size=None):
        self.bench, self.workers, self.size = bench, workers, size

    def __str__(self):
        return f"{self.bench} w{self.workers}" + ("" if self.size is None else f" size {self.size:,}")

    def arguments(self):
        return [self.bench, str(self.workers), *([] if self.size is None else [str(self.size)])]


def once(program, point, files):
    """[(variant, value, unit)]; None if the program does not offer the benchmark."""
    done = subprocess.run([program, *point.arguments()], env={**os.environ, "BENCH_FILES": str(files)},
                          capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    if done.returncode == NOT_OFFERED:
        return None
    if done.returncode != 0:
        raise RuntimeError(f"exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    lines = [text.split() for text in done.stdout.splitlines()]
    return [(variant, float(value), unit) for _bench, variant, _workers, value, unit in lines]


def point(what, systems, files, rounds):
    """({system: median of its best variant}, unit). A variant is `system-mode`."""
    samples, unit, active = {}, "", dict(systems)
    for _ in range(rounds):
        for system, program in list(active.items()):
            try:
                found = once(program, what, files)
            except (RuntimeError, ValueError, OSError, subprocess.TimeoutExpired) as why:
                progress("")
                print(f"bench: {what}: {system} failed and is left out: {why}")
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
