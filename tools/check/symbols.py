# SPDX-License-Identifier: MIT
"""symbols: the shared libraries export drey_* alone, and exactly the functions that the public headers declare."""
import re
import subprocess

from common import public_functions

HEADER = 'include/drey/a.h'
VISIBLE = '__attribute__((visibility("default")))'
SAMPLES = [
    ({HEADER: '', 'lib.c': f'{VISIBLE} int leak(void) {{ return 0; }}\n'}, 'leak'),
    ({HEADER: '', 'lib.c': f'{VISIBLE} int drey_a(void) {{ return 0; }}\n'}, 'in no public header'),
    ({HEADER: 'DREY_API int drey_a(void);\n', 'lib.c': 'int drey_b(void);\n'}, 'no library exports'),
]


def prepare(tree):
    """A sample's library, where meson would put it."""
    tree.build = tree.root / 'build'
    tree.build.mkdir()
    subprocess.run(['cc', '-shared', '-fPIC', '-fvisibility=hidden', '-o', tree.build / 'libdrey.so',
                    tree.root / 'lib.c'], check=True)


def check(tree):
    libraries = sorted(tree.build.glob('libdrey*.so'))
    if tree.build / 'libdrey.so' not in libraries:
        return [f'{tree.build / "libdrey.so"} is missing: build first']
    exported = set()
    for library in libraries:
        listing = subprocess.run(['nm', '-D', '--defined-only', library], stdout=subprocess.PIPE, text=True, check=True)
        exported |= {line.split()[-1].split('@')[0] for line in listing.stdout.splitlines()}
    declared = {function.name for functions in public_functions(tree).values() for function in functions
                if not function.is_inline}
    problems = [f'{name}: exported, but not named drey_*' for name in sorted(exported) if not name.startswith('drey_')]
    problems += [f'{name}: exported, but in no public header' for name in sorted(exported - declared)
                 if re.match(r'drey_(?!_)', name)]
    problems += [f'{name}: declared in a public header, but no library exports it'
                 for name in sorted(declared - exported)]
    tree.notes.append(f'{len(exported)} exported symbols')
    return problems
