#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owners that are killed under load: nothing that was answered is lost, nothing is written twice, and no client sees an
error (S1, S3, S13, S19). SQUIRREL_TEST_UPDATES scales it; DREY_SOAK is the whole of it: 100,000 updates."""
import json
import os
import random
import subprocess
import sys
import threading
import time

from kit import SQUIRREL, main, same, test
from store_kit import store, until

WRITERS = os.path.abspath(sys.argv[3])
UPDATES = int(os.environ.get("SQUIRREL_TEST_UPDATES", "100000" if os.environ.get("DREY_SOAK") else "800"))
PROCESSES, TASKS, CONTEXTS = 8, 20, 8   # 20 tasks in all: two or three in each process


def start_writers(s, updates, seed):
    share = [TASKS // PROCESSES + (i < TASKS % PROCESSES) for i in range(PROCESSES)]
    return [subprocess.Popen([WRITERS, s.url, SQUIRREL, str(tasks), str(updates // PROCESSES), str(CONTEXTS),
                              str(seed + i)], stdout=subprocess.PIPE, env=s.env)
            for i, tasks in enumerate(share)]


def collect(writers):
    """What all of them said, read while they run."""
    texts = [b""] * len(writers)

    def read(i):
        texts[i] = writers[i].stdout.read()
    threads = [threading.Thread(target=read, args=[i]) for i in range(len(writers))]
    for thread in threads:
        thread.start()
    return threads, texts


def kill_while(s, threads, pause):
    """kill -9 of the owner, again and again, until the writers have ended; how often."""
    killed = 0
    while any(thread.is_alive() for thread in threads):
        time.sleep(pause * random.uniform(0.5, 1.5))
        killed += s.kill() is not None
    return killed


def judge(s, texts):
    acks, conflicts, lines = {}, 0, b"".join(texts).decode().splitlines()
    errors = [line for line in lines if line.startswith("error")]
    assert not errors, "\n".join(errors[:5]) + s.tail()
    for line in lines:
        kind, *words = line.split(" ")
        if kind == "ack":
            context, rev, key = words
            assert (context, rev) not in acks, f"{context} rev {rev} was given to {acks[context, rev]} and {key}"
            acks[context, rev] = key
        else:
            conflicts += 1
            assert int(words[2]) > int(words[1]), line
    revs = {line["id"]: line["rev"] for line in s.ok("list", "--all").lines}
    same(sum(revs.values()) - len(revs), len(acks), "revisions made, against updates that were acknowledged")
    same({(c, str(rev)) for c in revs for rev in range(2, revs[c] + 1)}, set(acks), "which")
    return len(acks), conflicts


def prepare(s):
    for i in range(CONTEXTS):
        s.ok("create", f"c{i}", "--data", "{}")


@test
def writers_in_many_processes_lose_nothing():
    with store() as s:
        prepare(s)
        threads, texts = collect(writers := start_writers(s, UPDATES // 2, 1))
        for thread in threads:
            thread.join()
        acks, conflicts = judge(s, texts)
        same([writer.wait() for writer in writers], [0] * PROCESSES, "statuses")
        same(acks + conflicts, UPDATES // 2 // PROCESSES * PROCESSES)
        print(f"# {acks} updates, {conflicts} conflicts")


@test
def writers_whose_owners_are_killed_lose_nothing_and_see_no_error():
    with store() as s:
        prepare(s)
        threads, texts = collect(writers := start_writers(s, UPDATES // 2, 100))
        killed = kill_while(s, threads, 1.0 if UPDATES > 10000 else 0.25)
        for thread in threads:
            thread.join()
        acks, conflicts = judge(s, texts)
        same([writer.wait() for writer in writers], [0] * PROCESSES, "statuses")
        print(f"# {acks} updates, {conflicts} conflicts, {killed} owners killed")
        assert killed > 0, "no owner was killed: there were too few updates"
        until(lambda: len(s.owners()) <= 1, "a single owner")


@test
def a_watch_goes_on_where_it_was():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        count = 40
        watch = s.start("watch", "--after", "0", "--limit", str(count + 1))
        for i in range(count):
            s.ok("update", "a", "--data", f'{{"n":{i}}}')
            if i % 8 == 5:
                s.kill()
        out, err = watch.communicate(timeout=120)
        same(watch.returncode, 0, err.decode())
        same([json.loads(line)["seq"] for line in out.splitlines()], list(range(1, count + 2)))


if __name__ == "__main__":
    sys.exit(main())
