# SPDX-License-Identifier: MIT
"""docs: every public function has a docstring, with @return where that must be used, Suspends and Cancel if async."""
import re

from common import public_functions

HEADER = 'include/drey/a.h'
SAMPLES = [
    ({HEADER: 'int drey_a(void);\n'}, 'no docstring'),
    ({HEADER: '/* plain */\nint drey_a(void);\n'}, 'no docstring'),
    ({HEADER: '/** Do. */\nDREY_MUST_USE int drey_a(void);\n'}, '@return'),
    ({HEADER: '/** Do.\n * @param f gone */\nvoid drey_a(int (*fn)(void *), const char names[]);\n'}, '@param f'),
    ({HEADER: '/** Do.\n * @param b gone */\nvoid drey_a(int a);\n'}, '@param b'),
    ({HEADER: '/** Do.\n * @return 0\n * Cancel: none */\nDREY_API DREY_ASYNC int drey_a(void);\n'}, 'Suspends:'),
    ({HEADER: '/** Do.\n * @return 0\n * Suspends: always */\nDREY_ASYNC int drey_a(void);\n'}, 'Cancel:'),
    ({HEADER: '/** Do.\n * Suspends: always */\nvoid drey_a(void);\n'}, 'DREY_ASYNC'),
]


def slots(function):
    """What the docstring must hold and does not, and the reverse; "As drey_other" refers to that one's slots."""
    doc, refers = function.doc, re.search(r'\bAs drey_\w+', function.doc)
    for name in re.findall(r'@param\s+(\w+)', doc):
        if name not in function.params:
            yield f'@param {name} is no parameter'
    if function.must_be_used and '@return' not in doc and not refers:
        yield 'no @return'
    if function.is_async:
        if not re.search(r'\bSuspends(, Cancel)?:', doc):
            yield 'DREY_ASYNC without Suspends:'
        if not re.search(r'\bCancel:', doc):
            yield 'DREY_ASYNC without Cancel:'
    elif re.search(r'\bSuspends(, Cancel)?:(?!\s*never)', doc):
        yield 'says Suspends: but is not DREY_ASYNC'


def check(tree):
    problems, count = [], 0
    for path, functions in public_functions(tree).items():
        for function in functions:
            count += 1
            place = f'{path}:{function.line}: {function.name}: '
            if not function.doc:
                problems.append(place + 'no docstring')
            else:
                problems += [place + problem for problem in slots(function)]
    tree.notes.append(f'{count} public functions')
    return problems
