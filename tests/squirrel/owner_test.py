#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One owner, many clients: how they find each other, and what happens when one of them ends (S2, S3, S21 to S26)."""
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time

from kit import SQUIRREL, has, main, same, test
from store_kit import SCHEME, store, until

NEXT = os.path.abspath(sys.argv[3])


@test
def clients_that_start_at_once_have_one_owner():   # S21
    with store() as s:
        clients = [s.start("create", f"c{i}", "--data", "{}") for i in range(40)]
        for client in clients:
            out, err = client.communicate(timeout=120)
            same(client.returncode, 0, err.decode() + s.tail())
        same(len(s.owners()), 1, "owners")
        same(len(s.ok("list", "--all").lines), 40)


@test
def an_owner_lives_on_without_who_started_it():    # S2
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        [pid] = s.owners()
        same(s.info()["pid"], pid)
        same(os.getsid(pid) == os.getsid(0), False, "the owner has a session of its own")
        same(os.readlink(f"/proc/{pid}/cwd"), "/")
        for fd in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            known = (s.path, "/dev/null", "socket:", "anon_inode:", "pipe:", "/memfd:", "/dev/urandom", "/proc")
            assert target == "/" or target.startswith(known), f"the owner has {target} open"
        with open(f"/proc/{pid}/environ", "rb") as file:
            names = {entry.split(b"=")[0].decode() for entry in file.read().split(b"\0") if entry}
        same({name for name in names if name.startswith("SQUIRREL")}, set(), "its environment is cleared")


@test
def no_descriptor_of_the_starter_goes_to_the_owner():
    with store() as s:
        read, write = os.pipe()
        os.set_inheritable(write, True)
        s.ok("create", "a", "--data", "{}", pass_fds=[write])
        os.close(write)
        same(os.read(read, 1), b"", "the pipe has no other writer")
        os.close(read)


@test
def a_socket_that_an_owner_left_behind_is_in_nobodys_way():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        left = s.info()["socket"]
        pid = s.kill()
        until(lambda: not s.owners(), "its end")
        assert os.path.exists(left)
        s.ok("create", "b", "--data", "{}")
        [now] = s.owners()
        assert now != pid


@test
def a_held_lock_without_a_socket_is_store_busy():   # S22
    with store() as s:
        with open(s.lock, "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            nowhere = os.path.join(s.path, "nowhere.sock")
            json.dump({"pid": 4242, "started": "", "version": "1", "socket": nowhere}, file)
            file.flush()
            done = s.fails(8, "list")
            has(done.err, "process 4242")
            has(done.err, "nowhere.sock")
            same(s.owners(), [], "owners")
        s.ok("list")


@test
def an_owner_that_hangs_is_store_busy():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        [pid] = s.owners()
        os.kill(pid, signal.SIGSTOP)
        has(s.fails(8, "list").err, f"process {pid}")
        os.kill(pid, signal.SIGCONT)
        s.ok("get", "a")
        same(s.owners(), [pid], "owners")


@test
def an_owner_that_cannot_start_says_why():
    with store() as s:
        os.mkdir(s.path + "/sub")
        has(s.fails(4, "list", "--store", f"{SCHEME}:{s.path}/nowhere/s.db").err, "make it first")
        has(s.fails(2, "list", "--store", "notes.db").err, "sqlite:PATH")
        # The place of the log is taken: it cannot be started at all.
        os.mkdir(s.log) if SCHEME == "sqlite" else os.makedirs(s.log)
        has(s.fails(8, "list").err, "cannot be started")
        until(lambda: not s.locked(), "the lock is free again")


@test
def idle_owners_end():   # S24
    with store(idle="200ms") as s:
        s.ok("create", "a", "--data", "{}")
        until(lambda: not s.owners() and not s.locked(), "the owner's end")
        same(os.path.exists(s.info()["socket"]), False, "the socket is gone")
        has(s.tail(), "nobody needs it")


@test
def an_owner_with_a_client_stays():
    with store(idle="50ms") as s:
        watch = s.start("watch", "--after", "0")
        s.ok("create", "a", "--data", "{}")
        same(json.loads(watch.stdout.readline())["id"], "a")
        pids = s.owners()
        time.sleep(0.5)
        same(s.owners(), pids, "owners")
        watch.kill()
        watch.communicate()
        until(lambda: not s.owners(), "the owner's end")


@test
def clients_and_idle_ends_cross_without_errors():   # S24: the race
    with store(idle="1ms") as s:
        failures = []

        def work():
            for _ in range(15):
                done = s.run("list")
                if done.status:
                    failures.append(done.err)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(failures, [])


@test
def stop_ends_an_owner_and_nothing_is_no_error():
    with store() as s:
        has(s.ok("stop", "--json").out, "false")
        s.ok("create", "a", "--data", "{}")
        has(s.ok("stop", "--json").out, "true")
        same(s.owners(), [])
        same(s.locked(), False)
        same(json.loads(s.ok("status", "--json").out)["owner"], None)
        same(s.owners(), [], "status starts nobody")


@test
def status_tells_of_the_owner():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        got = json.loads(s.ok("status", "--json").out)
        same(got["owner"]["pid"], s.owners()[0])
        same((got["condition"], got["contexts"], got["writes"]), ("ok", 1, 1))


@test
def signals_end_an_owner_in_good_order():
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        [pid] = s.owners()
        os.kill(pid, signal.SIGTERM)
        until(lambda: not s.owners(), "its end")
        has(s.tail(), "ends: stops")


@test
def an_owner_in_the_foreground_serves_and_refuses_a_second():
    with store() as s:
        owner = s.start("serve")
        until(lambda: os.path.exists(s.lock) and s.locked() and s.info()["socket"], "its start")
        s.ok("create", "a", "--data", "{}")
        same(s.owners(), [], "nobody else was started")
        has(s.fails(8, "serve").err, str(owner.pid))
        s.ok("stop")
        owner.communicate(timeout=60)
        same(owner.returncode, 0)


@test
def no_daemon_takes_the_lock_itself():   # S2
    with store() as s:
        same(s.ok("list", "--no-daemon").status, 0)
        same(s.owners(), [])
        s.ok("create", "a", "--data", "{}")
        has(s.fails(8, "list", "--no-daemon").err, "process")


@test
def memory_needs_no_owner():
    with store() as s:
        s.ok("create", "a", "--data", "{}", "--store", "memory:")
        same(s.owners(), [])
        s.fails(4, "get", "a", "--store", "memory:")


@test
def a_newer_client_gets_a_newer_owner():   # S25
    with store() as s:
        s.ok("create", "a", "--data", "{}")
        [old] = s.owners()
        s.ok("list", program=NEXT)
        same(s.info()["version"], "99.0.0")
        same(len(s.owners()), 1, "owners")
        same(os.readlink(f"/proc/{s.info()['pid']}/exe"), NEXT)
        has(s.tail(), "hands over to version: 99.0.0")
        s.ok("list")   # an older client is served by it
        same(s.info()["version"], "99.0.0")
        same(s.info()["pid"], old, "the lock was never free")


@test
def clients_of_an_owner_that_hands_over_see_no_error():
    with store() as s:
        failures, stop = [], threading.Event()

        def work(n):
            for i in range(1000):
                if stop.is_set():
                    return
                done = s.run("create", f"c{n}-{i}", "--data", "{}")
                if done.status:
                    failures.append(done.err)
        threads = [threading.Thread(target=work, args=[n]) for n in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: len(s.owners()) == 1 and os.path.exists(s.lock) and s.locked(), "an owner")
        s.ok("list", program=NEXT)
        stop.set()
        for thread in threads:
            thread.join()
        same(failures, [])
        same(s.info()["version"], "99.0.0")


@test
def a_client_whose_input_ends_goes():   # S26
    with store() as s:
        client = s.start("import", "-", "--json", stdin=subprocess.PIPE)
        client.stdin.write(b'{"id":"a","data":{}}\n')
        client.stdin.flush()
        same(json.loads(client.stdout.readline())["id"], "a")
        client.stdin.close()
        same(client.wait(timeout=60), 0)
        client.stdout.close()
        client.stderr.close()


@test
def clients_of_a_parent_that_is_killed_go():   # S26: somebody else holds their input open
    clients = int(os.environ.get("SQUIRREL_TEST_CLIENTS", "1000" if os.environ.get("DREY_SOAK") else "40"))
    with store(idle="200ms") as s:
        read, write = os.pipe()
        script = ("import subprocess, sys, time\n"
                  "for _ in range(int(sys.argv[1])): subprocess.Popen(sys.argv[2:], stdin=0, "
                  "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
                  "time.sleep(1000)\n")
        command = [SQUIRREL, "import", "-", "--with-parent"]
        parent = subprocess.Popen([sys.executable, "-c", script, str(clients), *command], stdin=read, env=s.env,
                                  cwd=s.path)

        def running():
            found = []
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        ours = b"import\0-\0--with-parent" in file.read()
                    if ours and os.readlink(f"/proc/{pid}/cwd") == s.path and int(pid) != parent.pid:
                        found.append(pid)
            return found

        def watches(pid):   # before that it cannot know whose child it was
            with contextlib.suppress(OSError):
                return any("pidfd" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
            return False
        os.write(write, b'{"id":"a","data":{}}\n')
        until(lambda: sum(map(watches, running())) == clients, "all clients", 60 + clients)
        started = time.monotonic()
        parent.kill()
        parent.wait()
        until(lambda: not running(), "the end of the clients")
        print(f"# {clients} clients, gone after {time.monotonic() - started:.1f} s")
        os.close(read)
        os.close(write)
        serving = s.serving()
        assert len(serving) <= 1, serving
        until(lambda: not s.owners(), "the end of the owner")


if __name__ == "__main__":
    sys.exit(main())
