# SPDX-License-Identifier: MIT
"""Servers under load: each runs on one core, and one program, bench-load, makes their load on another."""
import os
import resource
import statistics
import subprocess

from measure import NOT_OFFERED, RUN_SECONDS, progress
from rows import more_is_better

ROUNDS = 7  # at least: rates of servers vary more than those of programs alone
SPARE = 100  # descriptors beside the connections

# What bench-load does, and with how many connections; the row of the rate, and that of the processor time.
LOADS = {
    "tcp_echo_64": ("echo", 64), "tcp_echo_1k": ("echo", 1000), "tcp_echo_5k": ("echo", 5000),
    "tcp_connect": ("connect", 64), "tls_echo_64": ("echo_tls", 64),
    "mem_idle": ("idle", 10_000), "mem_idle_dormant": ("idle", 10_000),
}
CPU = "_cpu"
BENCHES = {*LOADS, *(name + CPU for name, (work, _count) in LOADS.items() if work != "idle")}
_measured = {}  # by name: both rows are of the same runs


class Server:
    """A system's server, on the first core, while the block lasts."""

    def __init__(self, program, mode, core):
        self.process = subprocess.Popen([program, mode, "1"], stdout=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: os.sched_setaffinity(0, {core}))

    def __enter__(self):
        self.port = self.process.stdout.readline().strip()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def offered(self):
        return self.port != "" or self.process.wait(RUN_SECONDS) != NOT_OFFERED


def cores():
    return sorted(os.sched_getaffinity(0))


def lacks(count):
    """Why this machine cannot do it, or an empty text."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE
    if len(cores()) < 2:
        return "it takes two cores, one for the load"
    if soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
        except (ValueError, OSError):
            return f"it takes {wanted} descriptors, and `ulimit -Hn` is {hard}"
    return ""


def load(build, server, work, count):
    """The figures that bench-load prints."""
    done = subprocess.run([build / "bench-load", work, server.port, str(count), str(server.process.pid)],
                          preexec_fn=lambda: os.sched_setaffinity(0, {cores()[1]}),
                          capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-300:])
    return [float(word) for word in done.stdout.split()]


def modes(system, name):
    """The ways in which it serves: drey's connections are tasks, or dormant tasks."""
    if name.endswith("_dormant"):
        return ["serve_dormant"]
    if name.startswith("tls_"):
        return ["serve_tls"]
    return ["serve", "serve_dormant"] if system == "drey" and not name.startswith("mem_") else ["serve"]


def measure(name, systems, build, rounds):
    """{(system, mode): [figures of a round]}"""
    work, count = LOADS[name]
    active = [(system, mode) for system in systems for mode in modes(system, name)]
    samples = {}
    for _ in range(rounds):
        for system, mode in list(active):
            try:
                with Server(systems[system], mode, cores()[0]) as server:
                    if server.offered():
                        samples.setdefault((system, mode), []).append(load(build, server, work, count))
                        continue
            except (RuntimeError, ValueError, OSError, subprocess.TimeoutExpired) as why:
                progress("")
                print(f"bench: {name}: {system} failed and is left out: {why}")
                samples.pop((system, mode), None)
            active.remove((system, mode))
    return {key: [statistics.median(figures) for figures in zip(*seen)] for key, seen in samples.items()}


def note(name):
    """What the table does not show: both figures of both ways."""
    for mode in modes("drey", name):
        figures = _measured[name].get(("drey", mode))
        if figures is not None and len(figures) == 2:
            how = "dormant" if mode.endswith("_dormant") else "parked"
            print(f"bench: {name}: drey, connections {how}: {figures[0]:,.0f} trips/s, {figures[1]:.2f} us")


def point(what, systems, build, rounds):
    """As measure.point."""
    name = what.bench.removesuffix(CPU)
    why = lacks(LOADS[name][1])
    if why:
        print(f"bench: {what.bench} is skipped: {why}")
        return {}, ""
    if name not in _measured:
        _measured[name] = measure(name, systems, build, max(rounds, ROUNDS))
        note(name)
    figure, unit = (1, "us") if what.bench != name else (0, "bytes" if name.startswith("mem_") else "trips/s")
    best, values = max if more_is_better(unit) else min, {}
    for (system, _mode), figures in _measured[name].items():
        values[system] = best(values.get(system, figures[figure]), figures[figure])
    return values, unit
