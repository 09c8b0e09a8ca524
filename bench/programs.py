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
    for crate in ("tokio", "tokio-rustls", "rustls-pemfile"):
        if not any(CRATES.glob(f"{crate}-[0-9]*")):
            raise Unavailable(f"the crate {crate} is not installed (Debian: librust-{crate}-dev)")
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


def c_program(build, name, *flags):
    program = build / f"bench-{name}"
    command([tool("cc", "gcc"), "-std=gnu17", "-O2", f"{name}/main.c", "-o", program, *flags], HERE)
    return program


def load(build):
    """Not a system: what makes the load for servers. Without OpenSSL it makes none of TLS."""
    try:
        return c_library(build, "load", "openssl", "Debian: libssl-dev", "-DBENCH_TLS=1")
    except Unavailable:
        return c_program(build, "load", "-DBENCH_TLS=0")


def threads(build):
    return c_program(build, "threads", "-pthread")


def c_library(build, name, package, where, *flags):
    asked = subprocess.run([tool("pkg-config", "pkg-config"), "--cflags", "--libs", package],
                           capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise Unavailable(f"pkg-config does not find it ({where})")
    return c_program(build, name, *flags, *asked.stdout.split())


def certificate(build):
    """A key and a certificate that it signs itself, for servers of TLS: named to them by the environment."""
    paths = {"BENCH_CERTIFICATE": build / "certificate.pem", "BENCH_KEY": build / "key.pem"}
    if not all(path.exists() for path in paths.values()):
        command([tool("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "3650",
                 "-keyout", paths["BENCH_KEY"], "-out", paths["BENCH_CERTIFICATE"]], build)
    os.environ.update({name: str(path) for name, path in paths.items()})


def st(build):
    return c_library(build, "st", "st", "Debian: libst-dev")


def uv(build):
    return c_library(build, "uv", "libuv", "Debian: libuv1-dev")


def libdill(build):
    return c_library(build, "libdill", "libdill", "not in Debian; from its sources, with PKG_CONFIG_PATH")


def drey(_build, program):
    if not program.is_file():
        raise Unavailable(f"{program} does not exist: build it with `make bench`, or name it with --drey")
    return program.resolve()


def build_all(build, drey_program):
    """{system: program}; says which are left out, and why."""
    programs = {}
    makers = {"drey": lambda b: drey(b, drey_program), "tokio": tokio, "go": go, "threads": threads, "st": st,
              "libdill": libdill, "uv": uv}
    load(build)
    try:
        certificate(build)
    except Unavailable as why:
        print(f"bench: there is no TLS: {why}")
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
