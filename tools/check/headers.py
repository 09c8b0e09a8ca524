# SPDX-License-Identifier: MIT
"""headers: every public header compiles alone, as C by gcc and clang and as C++20."""
import subprocess

WARNINGS = ['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wundef', '-Werror', '-fsyntax-only']
C = ['-Wstrict-prototypes', '-std=gnu17', '-x', 'c']
CXX = ['-std=gnu++20', '-x', 'c++']
COMPILERS = [['gcc', *C], ['clang', *C], ['g++', *CXX], ['clang++', *CXX]]
SAMPLES = [
    ({'include/drey/a.h': 'size_t drey_a(void);\n'}, 'size_t'),
    ({'include/drey/a.h': 'int drey_a(int class);\n'}, 'g++'),
]


def check(tree):
    problems = []
    for path in tree.files('include/drey.h', 'include/drey/*.h'):
        header = path.removeprefix('include/')
        for compiler in COMPILERS:
            done = subprocess.run([*compiler, *WARNINGS, '-I', tree.root / 'include', '-'], text=True,
                                  input=f'#include <{header}>\n', stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                problems.append(f'{path}: {compiler[0]}:\n{done.stdout.rstrip()}')
    return problems
