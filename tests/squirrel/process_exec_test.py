#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""squirrel process --exec: programs that misbehave, programs that cannot be run, and ends by signals."""
import contextlib
import os
import resource
import signal
import subprocess
import sys
import time

from kit import ENV, SQUIRREL, contexts, folder, has, main, process, same, sleepers, start, test, write


def gone(mark):
    deadline = time.monotonic() + 10
    while sleepers(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    same(sleepers(mark), 0, "programs left")


def under_way(mark):
    deadline = time.monotonic() + 20
    while not sleepers(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sleepers(mark), "the program did not start"


def script(path, text):
    write(path, text)
    os.chmod(path, 0o755)
    return path


@test
def leaving_the_group_does_not_escape_the_timeout():
    mark = f"95{os.getpid()}"
    leave = f"import os; os.setpgid(0, os.getpgid(os.getppid())); os.execvp('sleep', ['sleep', '{mark}'])"
    with folder(contexts(1)) as path:
        done = process(path, "--timeout", "500ms", "--exec", sys.executable, "-c", leave)
        same((done.status, done.codes), (1, ["timeout"]))
        gone(mark)


@test
def the_group_ends_with_the_program():
    mark = f"94{os.getpid()}"
    with folder(contexts(1)) as path:
        done = process(path, "--timeout", "20s", "--exec", "sh", "-c", f"sleep {mark} & echo 1")
        same((done.codes, done.lines[0].get("output")), (["ok"], 1))
        gone(mark)


@test
def a_daemon_that_holds_the_output_is_not_waited_for():
    with folder(contexts(1)) as path:
        done = process(path, "--timeout", "20s", "--exec", "sh", "-c", "setsid sleep 40 & sleep 0.5; echo 1")
        same((done.codes, done.lines[0].get("output")), (["ok"], 1))


@test
def all_that_was_written_before_the_end_is_read():
    with folder({f"{i}.json": {"data": {"x": "y" * 900000}} for i in range(6)}) as path:
        done = process(path, "--exec", "cat")
        same([len(line["output"]["data"]["x"]) for line in done.lines], [900000] * 6)
        done = process(path, "--exec", "sh", "-c", "printf '\"%060000d\"' 0")
        same([len(line["output"]) for line in done.lines], [60000] * 6)


@test
def a_lack_of_descriptors_is_quota():
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    with folder(contexts(24)) as path:
        done = process(path, "--limit", "24", "--exec", "sh", "-c", "sleep 0.3; cat", preexec_fn=few)
        same((done.status, set(done.codes)), (1, {"ok", "quota"}))


@test
def what_cannot_be_run_is_refused_once():
    with folder({"in/" + name: c for name, c in contexts(200).items()}) as path:
        inputs = os.path.join(path, "in")
        for program in "", path, "/etc/passwd":
            done = process(inputs, "--exec", program)
            same((done.status, done.out), (2, ""), program)
            has(done.err, "--exec")
        for text in "echo 1\n", "#!/no/such/interpreter\n":
            done = process(inputs, "--limit", "2", "--exec", script(os.path.join(path, "program"), text))
            same(done.status, 2, done.err)
            assert len(done.lines) < 200 and set(done.codes) == {"usage"}, done.codes
            has(done.err, "cannot be run")


@test
def data_as_deep_as_allowed_can_be_echoed():
    data = {}
    for _ in range(63):
        data = {"a": data}
    with folder({"deep.json": {"data": data}}) as path:
        same(process(path).codes, ["ok"])
        done = process(path, "--exec", "cat")
        same((done.codes, done.lines[0].get("output", {}).get("data")), (["ok"], data))


@test
def the_path_is_searched_and_handed_on_whole():
    with folder({"in/a.json": {"data": {}}}) as path:
        long = ":".join(["/no/such/folder/" + "x" * 200] * 40) + ":" + os.environ["PATH"]
        done = process(path, "--exec", "sh", "-c", "echo ${#PATH}", env={**ENV, "PATH": long})
        same(done.lines[0].get("output"), len(long))
        script(os.path.join(path, "here"), "#!/bin/sh\necho 1\n")
        os.mkdir(os.path.join(path, "cat"))
        for search in ":/usr/bin:/bin", "/usr/bin::/bin", "/usr/bin:/bin:":
            for program in "here", "cat":   # a directory of that name is passed over
                done = process("in", "--exec", program, env={**ENV, "PATH": search}, cwd=path)
                same((done.status, done.codes), (0, ["ok"]), (search, program))


@test
def a_hangup_or_quit_ends_at_once_and_leaves_nothing():
    for number in signal.SIGHUP, signal.SIGQUIT:
        mark = f"{93 - number}{os.getpid()}"
        with folder({"in/a.json": {"data": {}}}) as path:
            out = os.path.join(path, "out.jsonl")
            program = start(os.path.join(path, "in"), "--out", out, "--exec", "sleep", mark)
            under_way(mark)
            program.send_signal(number)
            _, err = program.communicate(timeout=30)
            same(program.returncode, 130, err)
            gone(mark)
            same([name for name in os.listdir(path) if name.endswith(".part")], [])


@test
def an_ignored_hangup_stays_ignored():
    mark = f"3.{os.getpid()}"
    with folder(contexts(1)) as path:
        program = start(path, "--exec", "sh", "-c", f"sleep {mark}; echo 1",
                        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        under_way(mark)
        program.send_signal(signal.SIGHUP)
        _, err = program.communicate(timeout=30)
        same(program.returncode, 0, err)


@test
def an_inherited_ignored_sigchld_does_not_hide_failures():
    with folder(contexts(1)) as path:
        done = process(path, "--exec", "sh", "-c", "echo 1; exit 3",
                       preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        same((done.status, done.codes), (1, ["invalid"]))
        has(done.lines[0]["error"]["message"], "status 3")


@test
def two_interrupts_end_a_stuck_standard_error():
    mark = f"89{os.getpid()}"
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    with folder(contexts(1)) as path:
        program = subprocess.Popen([SQUIRREL, "process", path, "--exec", "sleep", mark], stdout=subprocess.PIPE,
                                   stderr=writer, env=ENV)
        try:
            under_way(mark)
            program.send_signal(signal.SIGINT)
            time.sleep(0.3)
            program.send_signal(signal.SIGINT)
            same(program.wait(timeout=30), 130)
            gone(mark)
        finally:
            program.kill()
            program.communicate()
    os.close(reader)
    os.close(writer)


sys.exit(main())
