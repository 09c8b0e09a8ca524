# SPDX-License-Identifier: MIT
"""quotes: C in README.md and docs/ is a full program, or a verbatim part of the file that the line before it names."""
import re

BLOCK = re.compile(r'(?:^<!-- example: (\S+) -->\n)?^```c[ \t]*\n(.*?)^```', re.S | re.M)
FULL = 'int main'                                    # compiled and run by snippets.py

SAMPLES = [
    ({'docs/a.md': '```c\nint a;\n```\n'}, 'names no file'),
    ({'docs/a.md': '<!-- example: examples/a.c -->\n```c\nint a;\n```\n'}, 'no such file'),
    ({'docs/a.md': '<!-- example: examples/a.c -->\n```c\nint a;\n```\n', 'examples/a.c': 'int b;\n'}, 'not part of'),
    ({'README.md': '<!-- example: a.c -->\n```c\n\n```\n', 'a.c': 'int b;\n'}, 'empty'),
    ({'docs/a.md': '<!-- example: a.c -->\n\ntext\n', 'a.c': 'int b;\n'}, 'no block'),
]


def quote_problem(tree, source, code):
    """'' or what is wrong with one block."""
    if source is None:
        return '' if FULL in code else 'a part of a program names no file: put `<!-- example: PATH -->` before it'
    if not code.strip():
        return 'the block is empty'
    if not tree.has(source):
        return f'no such file: {source}'
    return '' if code in tree.read(source) else f'the block is not part of {source}'


def check(tree):
    problems, count = [], 0
    for path in tree.files('README.md', 'ARCHITECTURE.md', 'docs/**/*.md'):
        text = tree.read(path)
        blocks = list(BLOCK.finditer(text))
        for match in blocks:
            problem = quote_problem(tree, match[1], match[2])
            count += match[1] is not None
            if problem:
                problems.append(f'{path}:{text.count(chr(10), 0, match.start()) + 1}: {problem}')
        if text.count('<!-- example: ') != sum(match[1] is not None for match in blocks):
            problems.append(f'{path}: a marker has no block of C right after it')
    tree.notes.append(f'{count} quotes')
    return problems
