#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Build every variant and run its tests; the last line is the sum: `N passed, N failed`."""
import argparse
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tap import Tally, tally

ROOT = Path(__file__).resolve().parent.parent
BUILDS = ROOT / 'build' / 'test'


@dataclass(frozen=True)
class Variant:
    about: str
    build: str                                       # folder under build/test; variants of one build share it
    slower: int = 1                                  # factor on each test's time limit
    compiler: str = 'gcc'
    setup: tuple = ()
    run_env: dict = field(default_factory=dict)
    targets: tuple = ()                              # what to build, if not all


VARIANTS = {
    'gcc': Variant('gcc, release with asserts', 'gcc', setup=('--buildtype=release',)),
    'epoll': Variant('the same, I/O by epoll', 'gcc', setup=('--buildtype=release',), run_env={'DREY_IO': 'epoll'}),
    'asan': Variant(
        'clang, address and undefined behaviour sanitizers', 'asan', slower=4, compiler='clang',
        setup=('-Db_sanitize=address,undefined', '-Db_lundef=false'),
        run_env={'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1'}),
    'tsan': Variant(
        'clang, thread sanitizer', 'tsan', slower=8, compiler='clang',
        setup=('-Db_sanitize=thread', '-Db_lundef=false'),
        run_env={'TSAN_OPTIONS': 'halt_on_error=1:die_after_fork=0:second_deadlock_stack=1'}),
    'aarch64': Variant(
        'gcc for aarch64, run by qemu', 'aarch64', slower=10, compiler='',
        setup=('--cross-file', str(ROOT / 'tools' / 'aarch64.ini'), '--buildtype=release',
               '-During=disabled', '-Dresolve=disabled', '-Dtls=disabled',
               '-Dsquirrel=disabled')),
    'guard': Variant(
        'what the hot paths cost, in instructions of the build that is installed', 'guard', targets=('bench/guard',),
        setup=('--buildtype=release', '-Db_lto=true', '-Dtests=false', '-Dresolve=disabled', '-Dtls=disabled',
               '-Dsquirrel=disabled')),
}


class Failure(Exception):
    """A variant could not be built; the text says why."""


def run(command, **options):
    return subprocess.run([str(word) for word in command], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)


def build(variant):
    """Configure (again if the set-up changed) and build; the folder."""
    folder = BUILDS / variant.build
    stamp = folder / 'variant.json'
    wanted = json.dumps([variant.compiler, variant.setup])
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        env = {**os.environ, 'CC': variant.compiler} if variant.compiler else os.environ
        done = run(['meson', 'setup', folder, '-Dwerror=true', *variant.setup], env=env)
        if done.returncode:
            raise Failure(f'meson setup failed\n{done.stdout}')
        stamp.write_text(wanted)
    done = run(['ninja', '-C', folder, *variant.targets])
    if done.returncode:
        raise Failure(f'the build failed\n{done.stdout}')
    return folder


def chosen_tests(folder, patterns):
    """Names of the tests that match; meson is given exact names."""
    introspected = run(['meson', 'introspect', '--tests', folder])
    names = sorted({test['name'] for test in json.loads(introspected.stdout)})
    if not patterns:
        return names
    chosen = [name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    if not chosen:
        print(f'no test matches {" ".join(patterns)}; there are: {" ".join(names) or "none"}')
    return chosen


def without_randomness(variant):
    """A command prefix: the sanitizers' shadow collides with more than 28 random bits in the address space."""
    bits = Path('/proc/sys/vm/mmap_rnd_bits')
    sanitized = any('b_sanitize' in word for word in variant.setup)
    if sanitized and bits.exists() and int(bits.read_text()) > 28:
        return ['setarch', '--addr-no-randomize']
    return []


def run_tests(name, variant, folder, tests, limits):
    """Run the tests by meson; one record a test executable."""
    log = folder / 'meson-logs' / f'{name}.json'
    log.unlink(missing_ok=True)
    done = run(
        [*without_randomness(variant), 'meson', 'test', '-C', folder, '--no-rebuild',
         '--num-processes', os.cpu_count() or 1, '--timeout-multiplier', variant.slower if limits else 0,
         '--logbase', name, *tests], env={**os.environ, **variant.run_env})
    if not log.exists():
        raise Failure(f'meson test wrote no log\n{done.stdout}')
    return [json.loads(line) for line in log.read_text().splitlines()]


def judge(record):
    """The tally of one executable: a crash, a time-out or a broken plan is a failure, too."""
    counted = tally(record.get('stdout', ''))
    good = record['result'] in ('OK', 'SKIP', 'EXPECTEDFAIL')
    if not good and not counted.failed:
        counted.failed = 1
    return counted


def report(record, counted):
    name = record['name'].split(' / ')[-1]
    verdict = 'FAIL' if counted.failed else 'ok'
    print(f'  {verdict:4} {name:40} {counted.passed:5} passed {record["duration"]:7.2f} s')
    for line in record.get('stdout', '').splitlines():
        if line.startswith('# note: '):
            print(f'       {line[2:]}')
    if counted.failed:
        print(f'--- {name}: {record["result"]}, exit status {record["returncode"]}')
        print(record.get('stdout', ''), record.get('stderr', ''), sep='', end='')
        print(f'--- end of {name}')


def run_variant(name, options):
    variant, total, start = VARIANTS[name], Tally(), time.monotonic()
    print(f'== {name}: {variant.about}', flush=True)
    try:
        folder = build(variant)
        tests = chosen_tests(folder, options.test)
        records = run_tests(name, variant, folder, tests, options.limits) if tests else []
        for record in sorted(records, key=lambda one: one['name']):
            counted = judge(record)
            report(record, counted)
            total.add(counted)
    except (Failure, OSError) as error:
        print(f'  FAIL {name}: {error}')
        total.failed += 1
    for reason in total.skipped:
        print(f'  skipped: {reason}')
    print(f'   {name}: {total.passed} passed, {total.failed} failed in {time.monotonic() - start:.0f} s', flush=True)
    return total


def reset_signals():
    """Who started us may have had signals blocked or ignored, as a shell has for its background jobs."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--variant', action='append', choices=VARIANTS, help='only this variant (repeatable)')
    parser.add_argument('--test', action='append', default=[], help='only tests of this name or pattern (repeatable)')
    parser.add_argument('--no-timeout', dest='limits', action='store_false', help='no time limits, for long runs')
    return parser.parse_args()


def main():
    options = arguments()
    reset_signals()
    total = Tally()
    for name in options.variant or VARIANTS:
        total.add(run_variant(name, options))
    print(f'{total.passed} passed, {total.failed} failed')
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
