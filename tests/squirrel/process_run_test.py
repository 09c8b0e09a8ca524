#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""squirrel process: programs, timeouts, cancellation and signals."""
import json
import os
import signal
import sys
import time

from kit import EXAMPLES, contexts, folder, has, main, process, same, sleepers, start, test


@test
def fail_fast_cancels_the_rest():
    files = contexts(400)
    files["a.json"] = "{"
    with folder(files) as path:
        done = process(path, "--fail-fast", "--limit", "2")
        same(done.status, 1)
        assert "error" in done.lines[0] and len(done.lines) < 400, len(done.lines)
        has(done.err, "--fail-fast")
        done = process(path, "--keep-going", "--limit", "2")
        same((done.status, len(done.lines)), (1, 401))


@test
def programs_get_and_give_json():
    with folder({"a.json": {"data": {"x": 1, "y": 0.1}, "name": "N"},
                 "b.json": {"parent_id": "a", "data": {"x": None}}}) as path:
        done = process(path, "--exec", "cat")
        same(done.status, 0, done.err)
        a, b = done.lines
        same((a["output"]["id"], a["output"]["project"], a["output"]["data"]), ("a", "default", {"x": 1, "y": 0.1}))
        same((b["output"]["data"], b["output"]["fingerprint"]), ({"y": 0.1}, b["fingerprint"]))
        done = process("--exec", "sh", "-c", "cat >/dev/null; echo '[1, 2]'", "--", path)
        same([x["output"] for x in done.lines], [[1, 2], [1, 2]])


@test
def programs_that_fail_are_told():
    with folder(contexts(1)) as path:
        cases = [(["false"], "invalid", "status 1"), (["sh", "-c", "echo no >&2; exit 7"], "invalid", "status 7: no"),
                 (["sh", "-c", "kill -9 $$"], "invalid", "signal 9"), (["true"], "invalid", "not JSON"),
                 (["echo", "{} x"], "invalid", "1:4"), (["yes"], "too_large", "--max-bytes"),
                 (["sh", "-c", "exec 1>&-; exec sleep 0.1"], "invalid", "not JSON")]
        for program, code, part in cases:
            done = process(path, "--exec", *program)
            same((done.status, done.codes), (1, [code]), program)
            has(done.lines[0]["error"]["message"], part)
        done = process(path, "--exec", "no-such-program-here")
        same((done.status, done.out), (2, ""))
        has(done.err, "no-such-program-here")
        same(process(path, "--exec", "/etc/passwd").status, 2)


@test
def programs_see_path_and_three_descriptors_only():
    with folder(contexts(1)) as path:
        script = "import json, os; print(json.dumps([sorted(os.environ), sorted(os.listdir('/proc/self/fd'))[:3], " \
                 "len(os.listdir('/proc/self/fd'))]))"
        done = process(path, "--exec", sys.executable, "-c", script)
        names, descriptors, count = done.lines[0]["output"]
        same(set(names) - {"LC_CTYPE"}, {"PATH"})   # Python adds LC_CTYPE itself
        same((descriptors, count), (["0", "1", "2"], 4))   # the fourth is the listing


@test
def a_timeout_kills_the_whole_group():
    mark = f"98{os.getpid()}"
    with folder(contexts(2)) as path:
        done = process(path, "--timeout", "300ms", "--exec", "sh", "-c", f"sleep {mark} & sleep {mark}")
        same((done.status, done.codes), (1, ["timeout", "timeout"]))
        has(done.lines[0]["error"]["message"], "--timeout")
        assert done.seconds < 10, done.seconds
        time.sleep(0.2)
        same(sleepers(mark), 0)


@test
def what_a_program_leaves_behind_is_killed():
    mark = f"97{os.getpid()}"
    with folder(contexts(1)) as path:
        done = process(path, "--exec", "sh", "-c", f"sleep {mark} >/dev/null 2>&1 & echo 1")
        same(done.codes, ["ok"])
        time.sleep(0.2)
        same(sleepers(mark), 0)


@test
def the_total_timeout_writes_what_was_finished():
    with folder(contexts(40)) as path:
        done = process(path, "--total-timeout", "1s", "--limit", "2", "--exec", "sh", "-c", "sleep 0.15; cat")
        same(done.status, 124, done.err)
        assert 0 < len(done.lines) < 40 and set(done.codes) == {"ok"}, done.codes
        assert done.seconds < 8, done.seconds
        has(done.err, "--total-timeout")


@test
def results_are_in_order_behind_a_slow_head():
    with folder(contexts(30)) as path:
        done = process(path, "--limit", "8", "--exec", "sh", "-c",
                       "read -r x; case $x in *c00000*) sleep 0.6;; esac; printf '%s' \"$x\"")
        same([x["output"]["id"] for x in done.lines], [f"c{i:05}" for i in range(30)])


@test
def one_interrupt_lets_running_inputs_finish():
    for number in (signal.SIGINT, signal.SIGTERM):
        with folder(contexts(60)) as path:
            program = start(path, "--limit", "2", "--exec", "sh", "-c", "sleep 0.2; cat")
            time.sleep(0.7)
            program.send_signal(number)
            out, err = program.communicate(timeout=30)
            lines = [json.loads(line) for line in out.splitlines()]
            same(program.returncode, 130, err)
            assert 0 < len(lines) < 60, len(lines)
            same([x["id"] for x in lines], [f"c{i:05}" for i in range(len(lines))])
            has(err.decode(), "interrupted")


@test
def two_interrupts_end_at_once():
    mark = f"96{os.getpid()}"
    with folder(contexts(20)) as path:
        program = start(path, "--limit", "4", "--exec", "sh", "-c",
                        f"read -r x; case $x in *c00001*|*c00003*) echo 1;; *) sleep {mark};; esac")
        time.sleep(1)
        program.send_signal(signal.SIGINT)
        time.sleep(0.3)
        begun = time.monotonic()
        program.send_signal(signal.SIGINT)
        out, _ = program.communicate(timeout=30)
        assert time.monotonic() - begun < 3
        same(program.returncode, 130)
        same([json.loads(line)["id"] for line in out.splitlines()], ["c00001", "c00003"])
        time.sleep(0.2)
        same(sleepers(mark), 0)


@test
def two_interrupts_end_a_stuck_output():
    with folder(contexts(3000)) as path:
        program = start(path)   # nobody reads: the pipe fills
        time.sleep(1)
        assert program.poll() is None
        program.send_signal(signal.SIGINT)
        time.sleep(0.3)
        program.send_signal(signal.SIGINT)
        same(program.wait(timeout=10), 130)
        program.communicate()


@test
def nothing_is_left_in_the_way_of_many_runs():
    for _ in range(20):
        same(process(EXAMPLES, "--limit", "64").status, 1)


sys.exit(main())
