#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""squirrel process: what goes wrong around it, and that it is told as what it is."""
import os
import resource
import signal
import stat
import subprocess
import sys
import time

from kit import ENV, EXAMPLES, SQUIRREL, contexts, folder, has, main, process, run, same, start, terminal, test, write

LARGE = ["--max-bytes", "1073741824"]


def descriptors(n):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))


def large(n):
    return '{"data": {"a": [' + ",".join(["1"] * n) + "]}}"


@test
def a_lack_of_descriptors_is_never_a_wrong_result():
    files = {f"{i:03}/c.json": {"id": f"c{i}", "parent_id": "p", "data": {}} for i in range(300)}
    with folder({**files, "z/p.json": {"data": {"x": 1}}}) as path:
        few = {"preexec_fn": descriptors(48), "env": {**ENV, "DREY_WORKERS": "2"}}
        done = process(path, "--limit", "2000", **few)
        assert set(done.codes) <= {"ok", "quota"}, set(done.codes)
        done = process(path, **few)
        same(set(done.codes), {"ok"}, "the default limit fits")


@test
def computing_ends_with_the_timeout():
    with folder({"a.json": large(6000000)}) as path:
        whole = process(path, *LARGE, "--timeout", "5m")
        same(whole.codes, ["ok"])
        for limit in ("20ms", "100ms"):
            done = process(path, *LARGE, "--timeout", limit)
            same((done.status, done.codes), (1, ["timeout"]), limit)
        done = process(path, *LARGE, "--total-timeout", "100ms")
        same((done.status, done.out), (124, ""))
        for text in (whole.err, done.err):
            assert "worker" not in text and "drey" not in text, text


def catches(pid, number):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        [mask] = [int(line.split()[1], 16) for line in file if line.startswith("SigCgt:")]
    return mask & 1 << (number - 1) != 0


@test
def computing_ends_with_the_second_signal():
    with folder({"a.json": large(12000000)}) as path:
        program = start(path, *LARGE)
        while not catches(program.pid, signal.SIGINT):
            time.sleep(0.01)
        time.sleep(0.2)
        program.send_signal(signal.SIGINT)
        time.sleep(0.1)
        program.send_signal(signal.SIGINT)
        out, _ = program.communicate(timeout=60)
        same((program.returncode, out), (130, b""))


@test
def large_inputs_give_what_small_ones_do():
    keys = [f"k{i * 7919 % 20011}" for i in range(20011)]
    root = {"data": {key: 1 for key in keys}}
    child = {"parent_id": "root", "data": {key: None for key in keys[1:]}}
    with folder({"root.json": root, "child.json": child, "one.json": {"data": {keys[0]: 1}}}) as path:
        done = process(path)
        same(done.codes, ["ok"] * 3)
        same(done.lines[0]["fingerprint"], done.lines[1]["fingerprint"])
    twice = '{"data": {' + ",".join(f'"{key}": 1' for key in [*keys, "k7919"]) + "}}"
    with folder({"a.json": twice}) as path:
        same(process(path).codes, ["duplicate_key"])


@test
def reading_all_inputs_does_not_use_up_the_time_of_one():
    files = {f"x{i:02}.json": large(300000) for i in range(16)}
    with folder({"a.json": {"parent_id": "b", "data": {}}, "b.json": {"data": {}}, **files}) as path:
        done = process(path, *LARGE, "--timeout", "250ms", "--limit", "1")
        same(done.codes[:2], ["ok", "ok"])


@test
def a_pipe_without_a_reader_is_told():
    with folder() as path:
        pipe = os.path.join(path, "pipe")
        os.mkfifo(pipe)
        done = process(EXAMPLES, "--out", pipe)
        same((done.status, done.out), (4, ""))
        has(done.err, "nobody reads")
        reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
        same(process(EXAMPLES, "--out", pipe).status, 1)
        same(reader.communicate(timeout=30)[0].decode(), process(EXAMPLES).out)


@test
def the_temporary_file_cannot_be_guessed():
    with folder(contexts(3)) as path, folder() as other:
        program = start(path, "--out", os.path.join(other, "results"), "--exec", "sh", "-c", "sleep 1; cat")
        time.sleep(0.5)
        names = os.listdir(other)
        program.communicate(timeout=30)
        same(len(names), 1)
        assert str(program.pid) not in names[0] and "results" not in names[0], names
        same(os.listdir(other), ["results"])


@test
def the_out_file_keeps_what_it_had():
    with folder({"plain": "old"}) as path:
        at = lambda name: os.path.join(path, name)
        os.chmod(at("plain"), 0o4711)
        same(process(EXAMPLES, "--out", at("plain")).status, 1)
        same(stat.S_IMODE(os.stat(at("plain")).st_mode), 0o4711)
        if os.getuid() == 0:
            os.chown(at("plain"), 1234, 4321)
            process(EXAMPLES, "--out", at("plain"))
            same((os.stat(at("plain")).st_uid, os.stat(at("plain")).st_gid), (1234, 4321))
        os.mkdir(at("sub"))
        os.symlink("sub/second", at("first"))
        os.symlink("results", at("sub/second"))
        same(process(EXAMPLES, "--out", at("first")).status, 1)
        assert os.path.islink(at("first")) and os.path.islink(at("sub/second"))
        same(open(at("sub/results")).read(), process(EXAMPLES).out)
        os.symlink("round", at("round"))
        assert process(EXAMPLES, "--out", at("round")).status not in (0, 1, 70)


@test
def errors_of_users_are_not_internal():
    with folder() as path:
        same(process(EXAMPLES, "--out", path).status, 2)
        same(process(EXAMPLES, "--out", os.path.join(path, "n" * 250)).status, 1)
        same(process(EXAMPLES, "--out", os.path.join(path, "n" * 256)).status, 3)
        same(process(os.path.join(path, "n" * 256)).codes, ["too_large"])
    for name in ("DREY_WORKERS", "DREY_IO", "DREY_SEED", "DREY_LOCK_RULE"):
        done = process(EXAMPLES, env={**ENV, name: "no such"})
        same(done.status, 2, name)
        has(done.err, name)


@test
def links_to_directories_are_passed_over_whatever_their_names():
    with folder({"a.json": {"data": {}}, "real/b.json": {"data": {}}}) as path:
        os.symlink("real", os.path.join(path, "link.json"))
        os.symlink("nowhere", os.path.join(path, "lost.json"))
        done = process(path)
        same([os.path.basename(x["input"]) for x in done.lines], ["a.json", "lost.json", "b.json"])
        same(done.codes, ["ok", "not_found", "ok"])


@test
def messages_say_what_to_do():
    with folder({"s.json": {"properties": {"x": {"type": "no"}}}, "broken": "{"}) as path:
        done = process(EXAMPLES, "--schema", os.path.join(path, "s.json"))
        same(done.status, 3)
        has(done.err, "s.json")
        has(done.err, "at $.properties.x.type")
        has(process(EXAMPLES, "--schema", os.path.join(path, "broken")).err, "broken")
        deep = os.path.join(path, *["d"] * 70)
        os.makedirs(deep)
        done = process(path)
        same(done.codes.count("too_large"), 1)
        has([x for x in done.lines if "error" in x and "/d/d" in x["input"]][0]["error"]["message"], "over 64 deep")
    if os.path.exists("/proc/version"):
        has(process("/proc/version").lines[0]["error"]["message"], "process a copy")
    done = run("help", "foo")
    same((done.status, done.out), (2, ""))
    has(done.err, "foo")


@test
def a_closed_output_has_one_status():
    for args in (["process", EXAMPLES], ["--help"]):
        same(run(*args, stdout=None, preexec_fn=lambda: os.close(1)).status, 8, args)


@test
def nothing_on_a_terminal_steers_it():
    for args in (["x\x1b[2Jy"], ["process", "--x\x1b[2Jy"], ["process", "a", "--limit", "\x1b[2J\u202e"]):
        done = run(*args)
        same(done.status, 2)
        assert "\x1b" not in done.err and "\u202e" not in done.err, done.err
    with folder({"a\u202eb.json": "{", "c\u2066d.json": "{"}) as path:
        _, text = terminal("process", path, stderr=subprocess.DEVNULL)
        assert "\u202e" not in text.decode() and "\u2066" not in text.decode(), text


sys.exit(main())
