#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guards what the hot paths cost: instructions an operation, counted by valgrind, against a committed table.

Instructions are the same on each run and on a busy machine, unlike time. `make guard-update` writes the table anew.
"""
import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / 'bench' / 'guard' / 'counts.txt'
N = 40_000
TOLERANCE = 0.08     # more than the counts differ between patch releases of a compiler or C library
OPERATIONS = ('spawn_join', 'go_run', 'yield', 'yield_100', 'mutex', 'send_receive', 'hand_over', 'timer')
NOT_LESS = ('yield_100',)    # gcc has left out its prefetches once
RUN_SECONDS = 60


class Failure(Exception):
    """The program or valgrind did not do its work; the text says what it printed."""


def instructions(program, operation, n):
    command = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', program, operation, str(n)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=RUN_SECONDS,
                          env={**os.environ, 'LC_ALL': 'C'}, check=False)
    found = re.search(r'Collected : (\d+)', done.stdout)
    if done.returncode or not found:
        raise Failure(f'`{" ".join(map(str, command))}` gave exit status {done.returncode}:\n{done.stdout}')
    return int(found[1])


def cost(program, operation):
    return (instructions(program, operation, 2 * N) - instructions(program, operation, N)) / N


def read_table():
    """(the build that it is for, {operation: count})"""
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith('#')]
    return lines[0], {name: int(count) for name, count in map(str.split, lines[1:])}


def write_table(build, counts):
    TABLE.write_text('# Instructions an operation, and the build that they are for. `make guard-update` writes this.\n'
                     f'{build}\n' + ''.join(f'{name} {count:.0f}\n' for name, count in counts.items()))


def verdict(name, count, expected):
    """One line of TAP."""
    if expected is None:
        return f'not ok - {name}: {count:.0f} instructions; not in the table: `make guard-update`'
    change = count / expected - 1
    said = f'{name}: {count:.0f} instructions, expected {expected} ({change:+.1%})'
    if change > TOLERANCE:
        return (f'not ok - {said}: more than {TOLERANCE:.0%} over; make it cheaper, or say in the commit why it '
                'must cost this, with `make guard-update`')
    if change < -TOLERANCE and name in NOT_LESS:
        return f'not ok - {said}: is everything prefetched still (sched/ready.h)? If so, `make guard-update`'
    if change < -TOLERANCE:
        return f'ok - {said}\n# note: {name} has become cheaper: lower the table by `make guard-update`'
    return f'ok - {said}'


def skip(reason):
    print(f'1..0 # SKIP guard: {reason}')
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('program', type=Path, help='bench/guard/main.c, built')
    parser.add_argument('--compiler', required=True, help='its name and version, as "gcc 12.2.0"')
    parser.add_argument('--update', action='store_true', default=bool(os.environ.get('GUARD_UPDATE')),
                        help='write the table (also: GUARD_UPDATE=1)')
    options = parser.parse_args()
    build = f'{platform.machine()} {options.compiler.split(".")[0]}'
    table_build, table = read_table()
    if shutil.which('valgrind') is None:
        return skip('valgrind is not installed')
    if build != table_build and not options.update:
        return skip(f'the table is for {table_build}, this is {build}')
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = dict(zip(OPERATIONS, pool.map(lambda name: cost(options.program, name), OPERATIONS)))
    if options.update:
        write_table(build, counts)
        table = {name: round(count) for name, count in counts.items()}
    print(f'1..{len(counts)}')
    for name, count in counts.items():
        print(verdict(name, count, table.get(name)))
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (Failure, OSError, subprocess.TimeoutExpired) as why:
        print(f'Bail out! guard: {why}')
        sys.exit(1)
