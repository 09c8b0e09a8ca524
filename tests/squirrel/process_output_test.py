#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""squirrel process: options, and where results go."""
import os
import resource
import signal
import subprocess
import sys
import time

from kit import ENV, EXAMPLES, SQUIRREL, contexts, folder, has, main, process, run, same, start, terminal, test, write


@test
def wrong_values_are_usage_errors_that_say_what_is_accepted():
    for limit in ("0", "-1", "4097", "99999999999999999999", "x", "", "1.5", "1e3"):
        done = process(EXAMPLES, "--limit", limit)
        same((done.status, done.out), (2, ""), limit)
        has(done.err, "a number from 1 to 4096")
    for option in ("--timeout", "--total-timeout"):
        for value in ("0s", "5", "1d", "-1s", "721h", "soon"):
            done = process(EXAMPLES, option, value)
            same(done.status, 2, value)
            has(done.err, "500ms, 2s, 5m or 1h")
    same(process(EXAMPLES, "--max-bytes", "0").status, 2)
    same(process(EXAMPLES, "--keep-going", "--fail-fast").status, 2)
    same(process("").status, 2)
    same(process().status, 2)


@test
def options_are_explained():
    has(process(EXAMPLES, "--limt", "3").err, "did you mean --limit?")
    has(run("proces").err, "did you mean process?")
    same(run("proces").status, 2)
    same(run().status, 2)
    for args in (["--help"], ["help"], ["process", "--help"], ["help", "process"], ["--version"]):
        done = run(*args)
        same(done.status, 0, args)
        has(done.out, "squirrel")
    has(process("--help").out, "Examples:")
    has(process("x", "--exec").err, "needs a program")
    has(process("--exec", "cat").err, "--exec took the rest")


@test
def the_out_file_is_whole():
    with folder() as path:
        out = os.path.join(path, "results")
        wanted = process(EXAMPLES).out
        write(out, "old")
        os.chmod(out, 0o640)
        link = os.path.join(path, "link")
        os.symlink("results", link)
        done = process(EXAMPLES, "--out", link)
        same((done.status, done.out, open(out).read()), (1, "", wanted))
        assert os.path.islink(link)
        same(os.stat(out).st_mode & 0o777, 0o640)
        same(sorted(os.listdir(path)), ["link", "results"])
        same(process(EXAMPLES, "--out", path).status != 0, True)
        same(process(EXAMPLES, "--out", os.path.join(path, "no", "where")).status, 4)
        same(process(EXAMPLES, "--out", "/dev/null").status, 1)


@test
def a_full_disk_leaves_the_old_file():
    done = process(EXAMPLES, "--out", "/dev/full")
    same(done.status, 8)
    has(done.err, "No space left")
    assert os.path.exists("/dev/full")
    with open("/dev/full", "wb") as full:
        done = process(EXAMPLES, stdout=full)
    same(done.status, 8)
    has(done.err, "standard output")

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    with folder({"results": "old"}) as path:
        done = process(EXAMPLES, "--out", os.path.join(path, "results"), preexec_fn=small_files)
        same((done.status, open(os.path.join(path, "results")).read(), os.listdir(path)), (8, "old", ["results"]))
        has(done.err, "an older file is as it was")


@test
def an_interrupted_out_file_has_what_was_finished():
    with folder(contexts(60)) as path, folder() as other:
        out = os.path.join(other, "results")
        program = start(path, "--out", out, "--limit", "2", "--exec", "sh", "-c", "sleep 0.2; cat")
        time.sleep(0.8)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=30)
        same(program.returncode, 130)
        assert 0 < len(open(out).read().splitlines()) < 60
        same(os.listdir(other), ["results"])


@test
def a_reader_that_leaves_is_told():
    with folder(contexts(5000)) as path:
        program = start(path)
        program.stdout.readline()
        program.stdout.close()
        err = program.stderr.read().decode()
        same(program.wait(timeout=30), 1)
        has(err, "nobody reads standard output")
    done = process(EXAMPLES, stdout=None, preexec_fn=lambda: os.close(1))
    assert done.status not in (0, 1) and "standard output" in done.err, (done.status, done.err)


@test
def memory_does_not_grow_with_the_inputs():
    peaks = []
    for n in (300, 6000):
        with folder(contexts(n)) as path:
            pid = os.posix_spawn(SQUIRREL, [SQUIRREL, "process", path, "--out", "/dev/null"], ENV,
                                 file_actions=[(os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
            _, status, usage = os.wait4(pid, 0)
            same(status, 0)
            peaks.append(usage.ru_maxrss)
    with open(SQUIRREL, "rb") as program:
        sanitized = b"__asan_init" in (code := program.read()) or b"__tsan_init" in code
    # Kilobytes; a listing of 6000 names is in it. Sanitizers keep what was freed.
    assert sanitized or peaks[1] < peaks[0] + 6000, peaks


@test
def people_get_rows_and_a_summary():
    status, text = terminal("process", EXAMPLES)
    same(status, 1)
    text = text.decode()
    has(text, "211 processed, 11 failed")
    has(text, "duplicate_key")
    has(text, "trailing-comma.json:")
    assert text.count("FAILED") == 11 and '{"input"' not in text
    has(terminal("process", EXAMPLES, "--json")[1].decode(), '{"input"')


@test
def rows_cannot_steer_the_terminal():
    with folder({"esc\x1b[2J.json": "{"}) as path:
        _, text = terminal("process", path, stderr=subprocess.DEVNULL)
        assert b"\x1b" not in text and b"\\x1b[2J" in text, text


sys.exit(main())
