# SPDX-License-Identifier: MIT
"""rules: each rule of the runtime, R1 to R19, is cited by at least one test."""
import re

RULES = range(1, 20)
# R5 in a comment or string, r5_ in the name of a test.
CITATION = re.compile(r'(?<![A-Za-z0-9])(?:R(?=\d+(?![A-Za-z0-9]))|r(?=\d+_))(\d+)')
SAMPLES = [
    ({'tests/a/a.c': '/* R1, R2 */\n'}, 'R3'),
    ({'tests/a/a.c': 'int r4, R5a;\n'}, 'R4'),
    ({'tests/a/a.c': 'int r4, R5a;\n'}, 'R5'),
]


def check(tree):
    cited = {rule: set() for rule in RULES}
    for path in tree.files('tests/**/*.c', 'tests/**/*.h', 'tests/**/*.py', 'tests/**/*.sh'):
        for number in CITATION.findall(tree.read(path)):
            if int(number) in cited:
                cited[int(number)].add(path)
    tree.notes.append('test files a rule: ' + ' '.join(f'R{rule}:{len(paths)}' for rule, paths in cited.items()))
    return [f'R{rule}: no test names it' for rule, paths in cited.items() if not paths]
