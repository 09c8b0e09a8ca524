# SPDX-License-Identifier: MIT
"""What the tests of commands on a store share: a store of its own for each test, its owner, and its end."""
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import tempfile
import time

from kit import ENV, SQUIRREL, Done

SCHEME = os.environ.get("SQUIRREL_TEST_SCHEME", "sqlite")


class Store:
    """A store in a directory of its own, and commands on it."""

    def __init__(self, path, idle="20s"):
        self.path = path
        self.base = os.path.join(path, "s.db" if SCHEME == "sqlite" else "s")
        self.url = f"{SCHEME}:{self.base}"
        self.beside = self.base if SCHEME == "sqlite" else os.path.join(self.base, ".squirrel", "store")
        self.lock, self.log = self.beside + ".lock", self.beside + ".log"
        self.env = {**ENV, "DREY_LOCK_RULE": "abort", "SQUIRREL_STORE": self.url, "SQUIRREL_IDLE": idle,
                    "SQUIRREL_PROJECT": "p", "XDG_RUNTIME_DIR": path}

    def start(self, *args, program=SQUIRREL, **kw):
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("env", self.env)
        return subprocess.Popen([program, *args], stderr=subprocess.PIPE, cwd=self.path, **kw)

    def run(self, *args, give=None, **kw):
        program = self.start(*args, **({"stdin": subprocess.PIPE} if give is not None else {}), **kw)
        data = give.encode() if isinstance(give, str) else give
        out, err = program.communicate(data, timeout=120)
        return Done(program.returncode, (out or b"").decode(), err.decode(), 0)

    def ok(self, *args, **kw):
        done = self.run(*args, **kw)
        assert done.status == 0, f"squirrel {' '.join(args)}: status {done.status}: {done.err}{self.tail()}"
        return done

    def fails(self, status, *args, **kw):
        done = self.run(*args, **kw)
        assert done.status == status, f"squirrel {' '.join(args)}: status {done.status}, wanted {status}: {done.err}"
        return done

    def tail(self):
        with contextlib.suppress(OSError), open(self.log, encoding="utf-8", errors="replace") as file:
            return "\nlog of the owner:\n" + file.read()[-2000:]
        return ""

    def check_log(self):
        """What an owner complains of, nobody else sees. A slow machine, which the watchdog tells of, is no fault."""
        lines = [line for line in self.tail().splitlines() if "without a suspension point" not in line]
        bad = [line for line in lines for word in ("Sanitizer", "drey: ", "runtime error") if word in line]
        assert not bad, self.tail()

    def owners(self):
        """Pids of the processes that own this store, or are about to."""
        wanted, found = f"serve\0--owned\0--store\0{self.url}\0".encode(), []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                if wanted in file.read():
                    found.append(int(pid))
        return found

    def serving(self):
        """Those of them that have the store open: one that has let go of it may still be a process."""
        found = []
        for pid in self.owners():
            with contextlib.suppress(OSError):
                links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
                if any(link.startswith(os.path.realpath(self.base)) and link != os.path.realpath(self.lock)
                       and not link.endswith(".log") for link in links):
                    found.append(pid)
        return found

    def info(self):
        """What the lock's text says; it may be read while it is being written."""
        for _ in range(100):
            with contextlib.suppress(ValueError), open(self.lock, encoding="utf-8") as file:
                return json.load(file)
            time.sleep(0.01)
        raise ValueError("the lock's text is no JSON")

    def kill(self):
        """kill -9 of the owner; its pid, or None."""
        with contextlib.suppress(OSError, ValueError):
            pid = self.info()["pid"]
            if pid in self.owners():
                os.kill(pid, signal.SIGKILL)
                return pid
        return None

    def locked(self):
        with open(self.lock, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def until(condition, what, seconds=60):
    """Waits for what must come; how long that takes is not judged."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.005)


@contextlib.contextmanager
def store(idle="20s"):
    with tempfile.TemporaryDirectory() as path:
        made = Store(path, idle)
        try:
            yield made
        finally:
            for pid in made.owners():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGCONT)
                    os.kill(pid, signal.SIGKILL)
            until(lambda: not made.owners(), "the end of the owners")
        made.check_log()
