# SPDX-License-Identifier: MIT
"""`squirrel process` on 100,000 contexts, beside the bare loop that reads and parses the same files: drey/files.c."""
import json
import os
import statistics
import subprocess
import time

from programs import context

CONTEXTS = 100_000
BENCHES = ("process_100k", "process_memory")
_measured = {}  # by number of workers: both rows are of the same runs


def make_contexts(build):
    """A tenth of them is in each of the folders 0 to 9, a thousand in each of the folders in there."""
    directory = build / "contexts"
    if (directory / "9/99" / f"{CONTEXTS - 1:05d}.json").exists():
        return directory
    for i in range(CONTEXTS):
        folder = directory / str(i // 10_000) / f"{i // 1000:02d}"
        if i % 1000 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        data = {key: value for key, value in context(i).items() if key not in ("id", "parent")}
        (folder / f"{i:05d}.json").write_text(json.dumps({"id": f"ctx-{i:05d}", "data": data}))
    return directory


def bare(program, directory, workers):
    """The files a second of the bare loop."""
    done = subprocess.run([program, "process_100k", str(workers)], capture_output=True, text=True, check=True,
                          env={**os.environ, "BENCH_CONTEXTS": str(directory)})
    return float(done.stdout.split()[3])


def squirrel(program, directory, workers):
    """(seconds, peak memory in MB)"""
    start = time.monotonic()
    with subprocess.Popen([program, "process", directory], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env={**os.environ, "DREY_WORKERS": str(workers)}) as process:
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"squirrel process ended with status {process.returncode}")
    return time.monotonic() - start, used.ru_maxrss / 1024


def measure(drey_program, build, workers, rounds):
    """({bench: ratio}, a line that tells the figures behind them)"""
    program, directory = drey_program.parent.parent / "squirrel/squirrel", make_contexts(build)
    bare(drey_program, directory, workers)  # warms up
    loops, runs, small = [], [], []
    for _ in range(rounds):
        loops.append(CONTEXTS / bare(drey_program, directory, workers))
        runs.append(squirrel(program, directory, workers))
        small.append(squirrel(program, directory / "0", workers)[1])
    loop, took = statistics.median(loops), statistics.median(run[0] for run in runs)
    peak, peak_small = statistics.median(run[1] for run in runs), statistics.median(small)
    note = (f"process_100k w{workers}: {CONTEXTS / took:,.0f} files/s, the bare loop with jansson "
            f"{CONTEXTS / loop:,.0f}; peak memory {peak:.1f} MB, for 10,000 files {peak_small:.1f} MB")
    return {"process_100k": took / loop, "process_memory": peak / peak_small}, note


def point(what, systems, build, rounds):
    """As measure.point."""
    if "drey" not in systems:
        return {}, ""
    if what.workers not in _measured:
        try:
            _measured[what.workers], note = measure(systems["drey"], build, what.workers, rounds)
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as why:
            _measured[what.workers], note = {}, f"{what}: failed and is left out: {why}"
        print(f"bench: {note}")
    found = _measured[what.workers]
    return ({"drey": found[what.bench]}, "x bare" if what.bench == "process_100k" else "x 10k") if found else ({}, "")
