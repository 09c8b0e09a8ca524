# SPDX-License-Identifier: MIT
"""Builds the peers' programs and the files that they read. A peer that cannot be built is left out."""
import json
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
CRATES = Path("/usr/share/cargo/registry")  # where Debian's librust-*-dev packages put their sources
FILES = 10_000


class Unavailable(Exception):
    pass


def tool(path, package):
    found = shutil.which(path)
    if found is None:
        raise Unavailable(f"{path} is not installed (Debian: {package})")
    return found


def command(args, cwd, **env):
    done = subprocess.run(args, cwd=cwd, env={**os.environ, **env}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"`{' '.join(map(str, args))}` failed:\n{done.stdout.strip()}")


def tokio(build):
    """Debian's compiler and crates, whatever else is installed: offline and the same versions everywhere."""
    cargo, rustc = tool("/usr/bin/cargo", "cargo"), tool("/usr/bin/rustc", "rustc")
    if not any(CRATES.glob("tokio-1.*")):
        raise Unavailable("the tokio crate is not installed (Debian: librust-tokio-dev)")
    # cargo writes beside its manifest, so it works on a copy; unchanged files keep their times and are not rebuilt.
    work = build / "tokio"
    shutil.copytree(HERE / "tokio", work, dirs_exist_ok=True)
    (work / ".cargo").mkdir(exist_ok=True)
    (work / ".cargo/config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "{CRATES}"\n')
    command([cargo, "build", "--release", "--offline", "--quiet"], work,
            RUSTC=rustc, CARGO_HOME=str(build / "cargo"), CARGO_TARGET_DIR=str(work / "target"))
    return work / "target/release/bench-tokio"


def go(build):
    program = build / "bench-go"
    command([tool("go", "golang-go"), "build", "-o", program, "."], HERE / "go",
            GOFLAGS="-mod=mod", GOPROXY="off", GOCACHE=str(build / "go-cache"))
    return program


def threads(build):
    program = build / "bench-threads"
    command([tool("cc", "gcc"), "-std=gnu17", "-O2", "-pthread", "threads/main.c", "-o", program], HERE)
    return program


def drey(_build, program):
    if not program.is_file():
        raise Unavailable(f"{program} does not exist: build it with `make bench`, or name it with --drey")
    return program.resolve()


def build_all(build, drey_program):
    """{system: program}; says which are left out, and why."""
    programs = {}
    makers = {"drey": lambda b: drey(b, drey_program), "tokio": tokio, "go": go, "threads": threads}
    for system, make in makers.items():
        try:
            programs[system] = make(build)
        except (Unavailable, OSError) as why:
            print(f"bench: {system} is skipped: {why}")
    return programs


def context(i):
    """A context of about 2 KB."""
    entries = [{"key": f"entry-{i}-{k}", "value": (k * 7919 + i) % 1000 / 8,
                "note": "a line of plain text, as contexts carry"} for k in range(20)]
    return {"id": f"ctx-{i:05d}", "parent": f"ctx-{i // 10:05d}", "tags": ["alpha", "beta"],
            "version": i, "entries": entries}


def make_files(build):
    directory = build / "files"
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / f"{FILES - 1:05d}.json").exists():
        for i in range(FILES):
            (directory / f"{i:05d}.json").write_text(json.dumps(context(i)))
    return directory
