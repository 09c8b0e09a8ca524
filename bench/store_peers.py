# SPDX-License-Identifier: MIT
"""What squirrel is measured beside: Redis, and the reference MCP memory server. None if it is not to be had."""
import contextlib
import csv
import json
import os
import re
import shutil
import statistics
import subprocess
import time

import machine

SERVER = "@modelcontextprotocol/server-memory"
INSTALL_SECONDS = 60
_said = set()


def skip(name, why):
    if name not in _said:
        print(f"bench: {name} is skipped: {why}")
    _said.add(name)


def versions(build):
    """Of what is there."""
    found = {"node": machine.said("node", "--version").lstrip("v")}
    redis_version = re.search(r"v=(\S+)", machine.said("redis-server", "--version"))
    found["redis"] = redis_version[1] if redis_version else ""
    package = build / "server-memory/node_modules" / SERVER / "package.json"
    found["server-memory"] = json.loads(package.read_text())["version"] if package.exists() else ""
    return {name: version for name, version in found.items() if version}


# Redis

@contextlib.contextmanager
def redis(path):
    """A server whose answer means that the write is on the disk."""
    socket = path / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--dir", str(path), "--save", "",
               "--appendonly", "yes", "--appendfsync", "always"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while not socket.exists():
                if process.poll() is not None:
                    raise RuntimeError(f"redis-server ended with status {process.returncode}")
                time.sleep(0.01)
            yield socket
        finally:
            process.terminate()


def redis_burst(path, clients, count):
    """Writes of 1 KB a second, each to a key of its own."""
    if not (shutil.which("redis-server") and shutil.which("redis-benchmark")):
        return skip("Redis", "redis-server is not installed (Debian: redis-server, redis-tools)")
    with redis(path) as socket:
        done = subprocess.run(["redis-benchmark", "-s", str(socket), "-c", str(clients), "-n", str(count), "-d", "1000",
                               "-r", "1000000", "-t", "set", "--csv"], capture_output=True, text=True, check=True)
    return float(next(row["rps"] for row in csv.DictReader(done.stdout.splitlines())))


# The memory server

def install(build):
    """Its script, from the npm registry; None if that, node or npm is not to be had."""
    folder = build / "server-memory"
    script = folder / "node_modules" / SERVER / "dist/index.js"
    if script.exists():
        return script
    if not (shutil.which("node") and shutil.which("npm")):
        return skip(SERVER, "node and npm are not installed (Debian: nodejs, npm)")
    folder.mkdir(exist_ok=True)
    try:
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), SERVER],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=INSTALL_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return skip(SERVER, "npm cannot install it from its registry")
    return script if script.exists() else skip(SERVER, "its package is not built as expected")


class Server:
    """A client of an MCP server on its standard streams: one request at a time."""

    def __init__(self, script, file):
        self.process = subprocess.Popen(["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True,
                                        env={**os.environ, "MEMORY_FILE_PATH": str(file)})
        self.number = 0
        self.request("initialize", protocolVersion="2025-06-18", capabilities={},
                     clientInfo={"name": "bench", "version": "1"})
        self.send(method="notifications/initialized")

    def send(self, **message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def request(self, method, **params):
        self.number += 1
        self.send(id=self.number, method=method, params=params)
        while True:
            answer = json.loads(self.process.stdout.readline())
            if answer.get("id") == self.number:
                break
        if "error" in answer or answer["result"].get("isError"):
            raise RuntimeError(f"{SERVER}: {answer}")
        return answer["result"]

    def call(self, tool, **arguments):
        """How long it took, in ms."""
        start = time.monotonic()
        self.request("tools/call", name=tool, arguments=arguments)
        return (time.monotonic() - start) * 1000

    def close(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


WORDS = "bake lomi nuke prami stenu trivo zuba anis erot uliche".split()


def entity(i):
    """As much text as a context of the same benchmark has."""
    text = " ".join(WORDS[(i * 7 + k * k) % len(WORDS)] + str((i * 31 + k) % 997) for k in range(120))
    return {"name": f"c{i}", "entityType": "note", "observations": [text]}


def memory_server(build, path, entities, calls):
    """{work: the median in ms}"""
    script = install(build)
    if not script:
        return None
    file = path / "memory.jsonl"
    with open(file, "w", encoding="utf-8") as out:
        out.writelines(json.dumps({"type": "entity", **entity(i)}) + "\n" for i in range(entities))
    server = Server(script, file)
    try:
        took = {"create": [server.call("create_entities", entities=[entity(entities + i)]) for i in range(calls)],
                "get": [server.call("open_nodes", names=[f"c{i * 31 % entities}"]) for i in range(calls)],
                "search": [server.call("search_nodes", query=f"{WORDS[i % 10]}{i * 13 % 997}") for i in range(calls)]}
    finally:
        server.close()
    return {kind: statistics.median(values) for kind, values in took.items()}
