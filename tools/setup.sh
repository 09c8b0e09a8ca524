#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Install the Debian packages that a target needs, if some are missing: setup.sh run|test|bench|plots|check
set -euo pipefail

run=(build-essential meson ninja-build pkg-config python3 liburing-dev libc-ares-dev libjansson-dev libssl-dev
     libsqlite3-dev)
test=("${run[@]}" clang libclang-rt-14-dev valgrind gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
      libpq-dev postgresql openssl)
bench=("${run[@]}" libcjson-dev golang-go rustc cargo librust-tokio-dev librust-futures-dev librust-serde-json-dev
       librust-tokio-rustls-dev librust-rustls-pemfile-dev libst-dev libuv1-dev openssl redis-server redis-tools)
plots=(python3 python3-matplotlib)
check=("${run[@]}" clang clang-tidy clang-format cppcheck)

set_name=${1:-}
case "$set_name" in
    run | test | bench | plots | check) declare -n wanted=$set_name ;;
    *) echo "usage: tools/setup.sh run|test|bench|plots|check" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "setup: not a Debian system, nothing installed; needed for '$set_name': ${wanted[*]}" >&2
    exit 0
fi

missing=()
for package in "${wanted[@]}"; do
    # The architecture's variants are listed one a line; one that is installed is enough.
    state=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null || true)
    grep -qx installed <<<"$state" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "setup: these packages are missing and installing them needs root or sudo. As root, run:" >&2
        echo "  apt-get update && apt-get install -y ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "setup: installing ${missing[*]}"
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
"${as_root[@]}" "${apt[@]}" update
"${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
