# SPDX-License-Identifier: MIT
"""What the end-to-end tests share. Their arguments: the program, the example contexts. They print TAP."""
import contextlib
import json
import os
import pty
import subprocess
import sys
import tempfile
import time
import traceback

SQUIRREL, EXAMPLES = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
ENV = {**os.environ, "LC_ALL": "C.UTF-8"}
TESTS = []


def test(fn):
    TESTS.append(fn)
    return fn


class Done:
    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def codes(self):
        return [line.get("error", {}).get("code", "ok") for line in self.lines]


def run(*args, **kw):
    started = time.monotonic()
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("env", ENV)
    done = subprocess.run([SQUIRREL, *args], stderr=subprocess.PIPE, timeout=120, **kw)
    return Done(done.returncode, (done.stdout or b"").decode(), done.stderr.decode(), time.monotonic() - started)


def process(*args, **kw):
    return run("process", *args, **kw)


def start(path, *args, **kw):
    kw.setdefault("stdout", subprocess.PIPE)
    return subprocess.Popen([SQUIRREL, "process", path, *args], stderr=subprocess.PIPE, env=ENV, **kw)


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    data = content if isinstance(content, (bytes, str)) else json.dumps(content)
    with open(path, "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def folder(files=None):
    with tempfile.TemporaryDirectory() as path:
        for name, content in (files or {}).items():
            write(os.path.join(path, name), content)
        yield path


def contexts(n, **extra):
    return {f"c{i:05}.json": {"data": {"n": i}, **extra} for i in range(n)}


def same(got, wanted, what=""):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def has(text, part):
    assert part in text, f"{part!r} is not in {text!r}"


def sleepers(mark):
    found = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                found += file.read() == f"sleep\0{mark}\0".encode()   # not whoever was told to start it
    return found


def terminal(*args, stderr=None):
    """Runs with standard output, and unless told otherwise standard error, on a terminal: status, text."""
    parent, child = pty.openpty()
    program = subprocess.Popen([SQUIRREL, *args], stdout=child, stderr=stderr or child, env=ENV)
    os.close(child)
    text = b""
    with contextlib.suppress(OSError):   # the end of a terminal is an error
        while chunk := os.read(parent, 65536):
            text += chunk
    os.close(parent)
    return program.wait(timeout=30), text


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for number, fn in enumerate(TESTS, 1):
        try:
            fn()
            print(f"ok {number} - {fn.__name__}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {fn.__name__}")
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()[-6:]), end="", flush=True)
    return 1 if failed else 0
