#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compile and run the full programs (blocks of C with a main) in README.md and docs/; TAP output.

Usage: snippets.py --root ROOT --library LIBDREY.A [--libs FLAGS] -- COMPILER…
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FLAGS = ['-std=gnu17', '-Wall', '-Wextra', '-Werror', '-g', '-fstack-clash-protection', '-pthread']
SECONDS = 20
BLOCK = re.compile(r'^```c[ \t]*\n(.*?)^```', re.S | re.M)


def programs(root):
    """(place, code, line) of each full program."""
    for path in [root / 'README.md', *sorted((root / 'docs').glob('**/*.md'))]:
        text = path.read_text(encoding='utf-8') if path.exists() else ''
        for match in BLOCK.finditer(text):
            if 'int main' in match[1]:
                line = text.count('\n', 0, match.start(1)) + 1
                yield f'{path.relative_to(root)}:{line}', match[1], line


def run(command, folder):
    """Its exit status and output; a time-out is a failure with its own text."""
    try:
        done = subprocess.run(command, cwd=folder, text=True, errors='replace', timeout=SECONDS,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return 1, f'did not end within {SECONDS} seconds'


def try_program(options, place, code, line):
    """'' or what went wrong; the compiler's messages point into the document."""
    with tempfile.TemporaryDirectory(prefix='drey-snippet-') as folder:
        source = Path(folder) / 'snippet.c'
        source.write_text(f'#line {line} "{place.rsplit(":", 1)[0]}"\n{code}', encoding='utf-8')
        command = [*options.compiler, *FLAGS, '-I', str(options.root / 'include'), str(source), '-o', 'snippet',
                   str(options.library), *options.libs.split()]
        status, output = run(command, folder)
        if status == 0:
            status, output = run(['./snippet'], folder)
        return '' if status == 0 else f'status {status}\n{output}'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', type=Path, required=True)
    parser.add_argument('--library', type=Path, required=True, help='the static library')
    parser.add_argument('--libs', default='', help='what the library itself needs, as one word')
    parser.add_argument('compiler', nargs='+')
    options = parser.parse_args()
    options.root, options.library = options.root.resolve(), options.library.resolve()
    found = list(programs(options.root))
    print(f'1..{len(found)}' if found else '1..0 # SKIP no full programs in the docs')
    failed = 0
    for number, (place, code, line) in enumerate(found, 1):
        problem = try_program(options, place, code, line)
        failed += bool(problem)
        print(f'{"not " if problem else ""}ok {number} - {place}')
        for text in problem.splitlines():
            print(f'# {text}')
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
