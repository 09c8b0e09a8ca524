#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run an example and compare what it prints with what the comment at its head says after `Prints:`.

It must end with status 0 and say nothing on standard error, unless the options tell otherwise.
"""
import argparse
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

SECONDS = 30
PRINTS = re.compile(r'^ \* Prints:\n((?: \*     .*\n)+)', re.M)


def expected(source):
    match = PRINTS.search(source.read_text(encoding='utf-8'))
    if not match:
        sys.exit(f'{source}: its head has no `Prints:` with lines of output below, indented by four more spaces')
    return ''.join(line.removeprefix(' *     ') for line in match[1].splitlines(keepends=True))


def problems(options):
    """What is not as it should be, one text each."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    done = subprocess.run([options.program, *options.arguments], stdin=subprocess.DEVNULL, text=True,
                          errors='replace', timeout=SECONDS, capture_output=True)
    status = -signal.SIGABRT if options.aborts else 0
    output = '' if options.aborts else expected(options.source)
    if done.returncode != status:
        yield f'exit status {done.returncode}, expected {status}'
    if done.stdout != output:
        yield f'printed\n{done.stdout}expected\n{output}'
    if bool(done.stderr) != bool(options.stderr) or options.stderr not in done.stderr:
        yield f'standard error should have {options.stderr or "nothing"!r}, but is\n{done.stderr}'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--aborts', action='store_true', help='it ends by abort, without output')
    parser.add_argument('--stderr', default='', metavar='PART', help='what standard error must contain')
    parser.add_argument('program')
    parser.add_argument('source', type=Path)
    parser.add_argument('arguments', nargs='*')
    options = parser.parse_args()
    found = list(problems(options))
    for problem in found:
        print(f'{options.source.name}: {problem}')
    if not found:
        print(f'ok - {options.source.stem}')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
