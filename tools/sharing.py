#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows which places of the code move cache lines between workers: sharing.py [WORK] [--workers N].

For machines without hardware counters, where `perf c2c` has nothing to say. gcc only.
"""
import argparse
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / 'build' / 'sharing'
HERE = ROOT / 'bench' / 'sharing'
FLAGS = ['-std=gnu17', '-O2', '-g', '-D_GNU_SOURCE', '-DDREY_HAVE_URING=0',
         f'-I{ROOT / "include"}', f'-I{ROOT / "src"}']
# Calls at each access, without the annotations that only the real sanitizer understands.
WATCHED = ['-fsanitize=thread', '-U__SANITIZE_THREAD__']
WORKS = ('spawn_batch', 'mutex_64', 'chan_mpmc')


def compile_one(source):
    target = BUILD / (str(source.relative_to(ROOT)).replace('/', '_') + '.o')
    watched = WATCHED if source.suffix == '.c' and source.name != 'count.c' else []
    subprocess.run(['gcc', *FLAGS, *watched, '-c', source, '-o', target], check=True)
    return target


def build():
    BUILD.mkdir(parents=True, exist_ok=True)
    sources = [path for path in sorted((ROOT / 'src').rglob('*.[cS]'))
               if path.suffix == '.c' or os.uname().machine in path.read_text() or os.uname().machine in path.name]
    sources = [path for path in sources if path.name != 'uring.c']
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, [*sources, HERE / 'count.c', HERE / 'main.c']))
    # At fixed addresses, so that addr2line knows them.
    subprocess.run(['gcc', '-no-pie', *objects, '-lpthread', '-o', BUILD / 'sharing'], check=True)
    return BUILD / 'sharing'


def where(program, address):
    """`function file:line`, and the function that it was inlined into."""
    said = subprocess.run(['addr2line', '-sfie', program, address], capture_output=True, text=True, check=True)
    words = [line.split(' (')[0] for line in said.stdout.splitlines()]
    frames = [f'{name} ({place})' for name, place in zip(words[::2], words[1::2])]
    return ', in '.join(frames[:3])


def show(program, work, workers):
    done = subprocess.run([program, work, str(workers)], capture_output=True, text=True, check=True)
    first, *lines = done.stdout.splitlines()
    print(f'{work}, {workers} workers: {first}')
    for line in lines:
        transfers, kind, offset, address = line.split()
        if float(transfers) >= 0.002:
            print(f'  {transfers} {kind} +{offset:2} {where(program, address)}')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('work', nargs='*', metavar='WORK', help=f'of {", ".join(WORKS)}; all of them by default')
    parser.add_argument('--workers', type=int, default=2)
    options = parser.parse_args()
    if unknown := set(options.work) - set(WORKS):
        parser.error(f'no work named {", ".join(sorted(unknown))}; there are: {", ".join(WORKS)}')
    program = build()
    for work in options.work or WORKS:
        show(program, work, options.workers)


if __name__ == '__main__':
    main()
