#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures squirrel's store of SQLite, beside Redis and the reference memory server, and prints one table.

What is not installed is skipped, and named. --large: a million contexts, and a minute of writing.
"""
import argparse
import contextlib
import dataclasses
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import machine
import store_peers
from store_rows import ROWS, Found, table

CLIENTS, BURST, ROUNDS = 64, 20_000, 3
STARTS, KILLS = 50, 10
ENTITIES, CALLS = 10_000, 50
SUSTAINED_SECONDS = 60
PROJECT = "big"


class Bench:
    def __init__(self, release, build):
        self.program, self.squirrel = release / "bench/bench-store", release / "squirrel/squirrel"
        self.build = build / "store"
        self.build.mkdir(parents=True, exist_ok=True)
        self.env = {**os.environ, "BENCH_SQUIRREL": str(self.squirrel), "SQUIRREL_PROJECT": PROJECT}

    @contextlib.contextmanager
    def folder(self):
        """On the disk that is measured."""
        with tempfile.TemporaryDirectory(dir=self.build) as path:
            yield Path(path)

    def run(self, *args):
        """{figure: what bench-store printed of it}"""
        done = subprocess.run([self.program, *map(str, args)], env=self.env, cwd=self.build, stdout=subprocess.PIPE,
                              text=True, check=True)
        return {line["figure"]: line for line in map(json.loads, done.stdout.splitlines())}

    @contextlib.contextmanager
    def owner(self, path, group=0):
        """An owner of the store, until the block ends."""
        with subprocess.Popen([self.program, "owner", f"sqlite:{path}", str(group)], env=self.env,
                              stderr=subprocess.DEVNULL) as process:
            try:
                until(lambda: owner_of(path) == process.pid)
                yield process
            finally:
                process.terminate()

    def stop(self, path):
        subprocess.run([self.squirrel, "stop", "--store", f"sqlite:{path}"], stdout=subprocess.DEVNULL, check=True)

    def filled(self, name, count):
        """A store of so many contexts, made once."""
        path, done = self.build / f"{name}.db", self.build / f"{name}.filled"
        if not done.exists():
            for old in self.build.glob(f"{name}.db*"):
                old.unlink()
            print(f"bench: filling {path.name} with {count:,} contexts", flush=True)
            self.run("fill", f"sqlite:{path}", count)
            done.write_text("")
        return path


def owner_of(path):
    """The owner that serves, by what its lock says."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        info = json.loads(Path(f"{path}.lock").read_text())
        if os.path.exists(info["socket"]):
            os.kill(info["pid"], 0)
            return info["pid"]
    return None


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the owner does not serve")
        time.sleep(0.002)


def burst(bench):
    """64 clients that write 1 KB each: ours in groups, ours one by one, Redis; in turn."""
    rates = {"groups": [], "singles": [], "redis": []}
    for _ in range(ROUNDS):
        for name, group in (("groups", 0), ("singles", 1)):
            with bench.folder() as path, bench.owner(path / "s.db", group):
                rates[name].append(bench.run("clients", f"sqlite:{path}/s.db", BURST, CLIENTS)["clients"]["per_second"])
        with bench.folder() as path:
            found = store_peers.redis_burst(path, CLIENTS, BURST)
            rates["redis"] += [found] if found else []
    ours = statistics.median(rates["groups"])
    found = {"burst": Found(ours, peer=statistics.median(rates["singles"]))}
    if rates["redis"]:
        found["burst_redis"] = Found(ours, peer=statistics.median(rates["redis"]))
    return found


def first_reply(bench, path):
    """From exec of a client without an owner to its whole answer, in ms."""
    command = [bench.squirrel, "get", "c1", "--store", f"sqlite:{path}"]
    start = time.monotonic()
    with subprocess.Popen(command, env=bench.env, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        took = time.monotonic() - start
    if process.returncode != 0 or not line.endswith(b"\n"):
        raise RuntimeError(f"squirrel get: {process.returncode}")
    return took * 1000


def first_replies(bench, path):
    taken = []
    for _ in range(STARTS):
        bench.stop(path)
        taken.append(first_reply(bench, path))
    bench.stop(path)
    return Found(statistics.median(taken), sorted(taken)[STARTS * 99 // 100])


def first_reply_of_small(bench):
    with bench.folder() as path:
        bench.run("fill", f"sqlite:{path}/s.db", 2)
        return {"first_reply": first_replies(bench, path / "s.db")}


def first_reply_killed(bench):
    """The owner is killed while 64 clients write, who look for a new one as well."""
    taken = []
    with bench.folder() as path:
        store = path / "s.db"
        bench.run("fill", f"sqlite:{store}", 1000)
        with subprocess.Popen([bench.program, "sustain", f"sqlite:{store}", "60", str(CLIENTS)], env=bench.env,
                              stdout=subprocess.DEVNULL) as load:
            for _ in range(KILLS):
                until(lambda: owner_of(store))
                time.sleep(0.5)
                os.kill(owner_of(store), signal.SIGKILL)
                taken.append(first_reply(bench, store))
            if load.poll() is not None:
                raise RuntimeError("the load ended")
            load.kill()
        bench.stop(store)
    return {"first_reply_killed": Found(statistics.median(taken), max(taken))}


def warm(path):
    """Into the system's cache: an older file may have left it, and then it is the disk that is measured."""
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass


def reads(bench, path, count, name):
    """A store of that size beside one of a thousand."""
    warm(path)
    large = bench.run("reads", f"sqlite:{path}", count)
    with bench.folder() as folder:
        bench.run("fill", f"sqlite:{folder}/s.db", 1000)
        small = bench.run("reads", f"sqlite:{folder}/s.db", 1000)
    found = {}
    for figure, line in large.items():
        peer = small[figure]["median_ms"] if figure in ("get", "create") else None
        found[f"{figure}_{name}"] = Found(line["median_ms"], line["p99_ms"], peer)
    return found


def reads_of_100k(bench):
    path = bench.filled("100k", 100_000)
    return {**reads(bench, path, 100_000, "100k"), "first_reply_100k": first_replies(bench, path)}


def memory_server(bench):
    """One client, one call after the other, at 10,000 entities."""
    with bench.folder() as path:
        theirs = store_peers.memory_server(bench.build, path, ENTITIES, CALLS)
    if not theirs:
        return {}
    with bench.folder() as path:
        bench.run("fill", f"sqlite:{path}/s.db", ENTITIES)
        with bench.owner(path / "s.db"):
            ours = bench.run("single", f"sqlite:{path}/s.db", CALLS, ENTITIES)
    return {f"memory_{kind}": Found(ours[kind]["median_ms"], ours[kind]["p99_ms"], theirs[kind])
            for kind in ("create", "get", "search")}


def disk(bench):
    line = bench.run("disk")["fdatasync"]
    return {"fdatasync": Found(line["median_ms"], line["p99_ms"])}


def sustained(bench):
    with bench.folder() as path, bench.owner(path / "s.db"):
        line = bench.run("sustain", f"sqlite:{path}/s.db", SUSTAINED_SECONDS, CLIENTS)["clients"]
    return {"sustained": Found(line["per_second"]), "sustained_lag": Found(line["lag_max"])}


def million(bench):
    path = bench.filled("1m", 1_000_000)
    return {**reads(bench, path, 1_000_000, "1m"), "first_reply_1m": first_replies(bench, path)}


PARTS = {"disk": disk, "burst": burst, "first": first_reply_of_small, "killed": first_reply_killed,
         "reads": reads_of_100k, "memory": memory_server}
LARGE = {"disk": disk, "sustained": sustained, "million": million}


def save(path, found):
    """Rows that were not measured this time stay as they were."""
    before = json.loads(path.read_text()) if path.exists() else {}
    after = {**before, **{name: dataclasses.asdict(one) for name, one in found.items()}}
    names = [row.name for row in ROWS]
    path.write_text(json.dumps({name: after[name] for name in names if name in after}, indent=1) + "\n")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", type=Path, default=Path("build/bench"), help="for stores and store.json")
    parser.add_argument("--release", type=Path, default=Path("build/release"), help="what is measured")
    parser.add_argument("--large", action="store_true", help="a million contexts, and a minute of writing")
    parser.add_argument("--only", metavar="PART", action="append", help=f"one of {', '.join({**PARTS, **LARGE})}")
    args = parser.parse_args()
    unknown = set(args.only or []) - set(PARTS) - set(LARGE)
    if unknown:
        parser.error(f"no part is named {', '.join(sorted(unknown))}")
    return args


def main():
    args = arguments()
    build = args.build_dir.resolve()
    bench = Bench(args.release.resolve(), build)
    watch = machine.Watch()
    watch.warn_at_start()
    parts = LARGE if args.large else PARTS
    if args.only:
        parts = {name: part for name, part in {**PARTS, **LARGE}.items() if name in args.only}
    found = {}
    for name, part in parts.items():
        try:
            found.update(part(bench))
        except (OSError, RuntimeError, ValueError, KeyError, subprocess.SubprocessError) as why:
            print(f"bench: {name} failed and is left out: {why!r}")
    print(table(found))
    print(f"Medians; burst: of {ROUNDS} rounds in turn. first_reply: squirrel get stands for squirrel mcp, which is "
          "not there yet.")
    watch.warn_at_end()
    save(build / "store.json", found)
    facts = {**machine.describe(ROUNDS), **store_peers.versions(bench.build)}
    (build / "store-machine.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
