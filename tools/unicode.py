#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write squirrel/store/unicode_table.c: which code points make words, and how they fold. From Python's tables."""
import sys
import unicodedata
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / 'squirrel' / 'store' / 'unicode_table.c'
FIRST = 0x80                                         # ASCII has a table of its own
# Scripts that put no space between words: each of their letters is a word.
ALONE = [(0x0e00, 0x0eff), (0x1000, 0x109f), (0x1780, 0x17ff), (0x19e0, 0x19ff), (0x2e80, 0x2fff), (0x3005, 0x3007),
         (0x3021, 0x3029), (0x3031, 0x3035), (0x3038, 0x30ff), (0x31f0, 0x31ff), (0x3400, 0x4dbf), (0x4e00, 0x9fff),
         (0xa9e0, 0xa9ff), (0xaa60, 0xaa7f), (0xf900, 0xfaff), (0xff66, 0xff9f), (0x1aff0, 0x1b16f), (0x20000, 0x3ffff)]


def kind(point):
    """'WORD': letters, marks and numbers; 'ALONE': such of a script without spaces; None: nothing."""
    if unicodedata.category(chr(point))[0] not in 'LMN':
        return None
    return 'ALONE' if any(first <= point <= last for first, last in ALONE) else 'WORD'


def fold(point):
    """Simple case folding: to one code point, or none."""
    for folded in (chr(point).casefold(), chr(point).lower()):
        if len(folded) == 1:
            return ord(folded)
    return point


def ranges():
    """(first, last, kind), in order."""
    found = []
    for point in range(FIRST, sys.maxunicode + 1):
        what = kind(point)
        if what and found and found[-1][1] == point - 1 and found[-1][2] == what:
            found[-1][1] = point
        elif what:
            found.append([point, point, what])
    return found


def folds():
    """(first, last, step, delta): every step-th code point from first to last folds by delta."""
    found = []
    for point in range(FIRST, sys.maxunicode + 1):
        delta = fold(point) - point
        if not delta:
            continue
        last = found[-1] if found else None
        if last and last[3] == delta and point - last[1] in (1, 2) and last[2] in (0, point - last[1]):
            last[1], last[2] = point, point - last[1]
        else:
            found.append([point, point, 0, delta])
    return [(first, last, step or 1, delta) for first, last, step, delta in found]


def table(head, cells):
    lines, line = [head], '   '
    for cell in cells:
        if len(line) + len(cell) > 118:
            lines.append(line)
            line = '   '
        line += f' {cell},'
    return '\n'.join([*lines, line, '};'])


def main():
    letters, folding = ranges(), folds()
    TARGET.write_text('\n'.join([
        '/* SPDX-License-Identifier: MIT */',
        f'/* Written by tools/unicode.py from Unicode {unicodedata.unidata_version}. A change of it is a change of the '
        'index: see',
        ' * SQ_TOKENS_VERSION. */',
        '#include "store/unicode.h"',
        '',
        f'const size_t sq_unicode_letter_count = {len(letters)}, sq_unicode_fold_count = {len(folding)};',
        '',
        table('const sq_unicode_letters sq_unicode_letter_table[] = {',
              [f'{{{first:#x}, {last:#x}, SQ_LETTER_{what}}}' for first, last, what in letters]),
        '',
        table('const sq_unicode_fold sq_unicode_fold_table[] = {',
              [f'{{{first:#x}, {last:#x}, {step}, {delta}}}' for first, last, step, delta in folding]),
        '']), encoding='utf-8')


if __name__ == '__main__':
    main()
