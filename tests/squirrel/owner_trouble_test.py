#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Owners and clients that get into each other's way: slow ends, busy clients, other users (S21 to S24, S37)."""
import json
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

from kit import has, main, same, test
from store_kit import store, until


class Raw:
    """A client without a library: it says hello, and reads no answers unless it is asked to."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.send(1, 0, b'{"protocol":1,"schema":0,"pid":1,"version":"0"}')
        self.socket.recv(4096)

    def send(self, kind, call, payload):
        self.socket.sendall(struct.pack("<IBQ", 9 + len(payload), kind, call) + payload)


@test
def clients_wait_for_the_end_of_an_owner_that_takes_its_time():
    with store() as s:
        s.ok("create", "a", "--file", "-", give=json.dumps({"text": "x" * 900000}))
        raw = Raw(s.info()["socket"])
        for i in range(4):   # answers that nobody takes: what is at work is not done
            raw.send(4, i, b'{"op":"get","project":"p","id":"a"}\n')
        time.sleep(0.5)
        [pid] = s.owners()
        os.kill(pid, signal.SIGTERM)
        until(lambda: "ends: stops" in s.tail(), "the beginning of its end")
        s.ok("list")
        assert s.owners() != [pid], "the next owner"
        raw.socket.close()


@test
def stop_returns_although_clients_start_the_next_owner():
    with store() as s:
        over = threading.Event()

        def busy():
            while not over.is_set():
                s.ok("list")
        threads = [threading.Thread(target=busy) for _ in range(4)]
        s.ok("create", "a", "--data", "{}")
        for thread in threads:
            thread.start()
        try:
            for _ in range(5):
                begin = time.monotonic()
                s.ok("stop")
                assert time.monotonic() - begin < 25, "stop waited for an owner that it had not told to end"
            s.ok("backup", "b.db")
            s.ok("restore", "b.db")
        finally:
            over.set()
            for thread in threads:
                thread.join()
        s.ok("get", "a")


@test
def commands_that_start_nobody_need_no_owner():
    with store() as s:
        same(json.loads(s.ok("status", "--no-daemon").out)["owner"], None)
        same(json.loads(s.ok("stop", "--no-daemon", "--json").out)["stopped"], False)
        for command in (["status"], ["stop"], ["restore", "b"]):
            has(s.fails(2, *command, "--store", "memory:").err, "memory:")
        same(s.owners(), [])


@test
def an_owner_may_have_as_many_clients_as_it_promises():
    with store() as s:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        s.ok("create", "a", "--data", "{}",
             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)))
        [pid] = s.owners()
        with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
            [line] = [line for line in file if line.startswith("Max open files")]
        assert int(line.split()[3]) >= min(hard, 8192), line


@test
def a_socket_of_another_user_is_told_nothing():   # S37
    if os.geteuid() != 0:
        return   # only root can be another user, too
    with store() as s:
        os.chmod(s.path, 0o755)
        path = os.path.join(tempfile.mkdtemp(), "s.sock")
        os.chmod(os.path.dirname(path), 0o777)
        ready, told = os.pipe()
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                listener.listen()
                os.write(told, b"r")
                peer, _ = listener.accept()
                os.write(told, peer.recv(100) + b".")
            os._exit(0)
        os.close(told)
        same(os.read(ready, 1), b"r")
        with open(s.lock, "w", encoding="utf-8") as file:
            json.dump({"pid": child, "started": "", "version": "1", "socket": path}, file)
        has(s.fails(6, "list").err, "another user")
        same(os.read(ready, 100), b".", "what it was told")
        os.waitpid(child, 0)
        os.close(ready)
        os.remove(s.lock)


if __name__ == "__main__":
    sys.exit(main())
