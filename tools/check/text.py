# SPDX-License-Identifier: MIT
"""text: sources open with an SPDX line; no machine paths, no markers of unfinished work, no issue numbers."""
import re

SOURCES = [f'**/*.{ending}' for ending in ('c', 'h', 'S', 'cc', 'py', 'sh', 'rs', 'go')]
SPDX = 'SPDX-License-Identifier: MIT'

# Written so that this file does not match itself.
EVERYWHERE = {
    'a machine path': re.compile(r'(?<![\w.*/-])/wor[k]\b|/tm[p]/bash'),
    'an issue number': re.compile(r'\bissue[ ]#\d', re.I),
}
# The example contexts are data and may speak of what is to do.
OUR_WORDS = {'a marker of unfinished work': re.compile(r'\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b')}

SAMPLES = [
    ({'src/a/a.c': 'int a;\n'}, 'SPDX'),
    ({'README.md': 'see /wo' + 'rk/main\n'}, 'machine path'),
    ({'docs/a.md': 'TO' + 'DO later\n'}, 'unfinished'),
    ({'docs/a.md': 'fixes issue ' + '#12\n'}, 'issue number'),
]


def check(tree):
    problems = []
    for path in tree.files(*SOURCES):
        if not any(SPDX in line for line in tree.lines(path)[:2]):
            problems.append(f'{path}: the first line (after #!) must be the SPDX line: {SPDX}')
    for path in tree.files('**/*'):
        words = {**EVERYWHERE, **({} if path.startswith('examples/contexts/') else OUR_WORDS)}
        for number, line in enumerate(tree.lines(path), 1):
            problems += [f'{path}:{number}: {what}: {found[0]}' for what, regex in words.items()
                         if (found := regex.search(line))]
    return problems
