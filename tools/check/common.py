# SPDX-License-Identifier: MIT
"""What the checks share: the tree that is checked, and a reader of C declarations.

A check is a module with a docstring, `check(tree)` that returns problems as text, and `SAMPLES`: small bad
trees ({path: text}) with a word that the problem found there must contain. `run.py` proves each on its samples.
"""
import functools
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Tree:
    root: Path
    build: Path = None                               # configured build folder, if the check needs one
    notes: list = field(default_factory=list)        # facts worth printing that fail nothing

    def files(self, *patterns):
        """Paths below the root, as git sees them, that match any pattern (`src/**/*.c`); sorted."""
        matchers = [re.compile(glob_to_regex(pattern)) for pattern in patterns]
        return [path for path in self.all_files if any(matcher.fullmatch(path) for matcher in matchers)]

    def has(self, path):
        return os.path.normpath(path) in self.all_files

    @functools.cached_property
    def all_files(self):
        """Keys are the paths, sorted: a set that keeps its order."""
        if (self.root / '.git').exists():
            listed = subprocess.run(['git', '-C', self.root, 'ls-files', '-z', '-co', '--exclude-standard'],
                                    stdout=subprocess.PIPE, text=True, check=True).stdout.split('\0')
            return dict.fromkeys(sorted(path for path in listed if path and (self.root / path).is_file()))
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in ('build', '.git', '__pycache__')]
            found += [os.path.relpath(os.path.join(folder, name), self.root) for name in names]
        return dict.fromkeys(sorted(found))

    def read(self, path):
        return (self.root / path).read_text(encoding='utf-8', errors='replace')

    def lines(self, path):
        return self.read(path).splitlines()


def glob_to_regex(pattern):
    """`**/` is any depth, none included; `*` stays within a folder."""
    parts = re.split(r'(\*\*/|\*)', pattern)
    return ''.join({'**/': '(?:.*/)?', '*': '[^/]*'}.get(part, re.escape(part)) for part in parts)


@dataclass
class Function:
    """One declaration in a public header."""
    name: str
    line: int
    head: str                                        # everything before the name: attributes and result
    params: list                                     # names; empty for (void)
    doc: str                                         # the docstring right before it, or ''

    @property
    def is_async(self):
        return 'DREY_ASYNC' in self.head.split()

    @property
    def is_inline(self):
        return 'inline' in self.head.split()

    @property
    def must_be_used(self):
        return 'DREY_MUST_USE' in self.head.split()


# Head, name, and parameters with parentheses nested at most twice.
FUNCTION = re.compile(r'([\w\s*]*?)\b(drey_(?!_)\w+)\s*\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)')


def blank(text):
    """The same number of lines, nothing on them."""
    return '\n' * text.count('\n')


def without_preprocessor(text):
    """Directives and what only C++ sees are blanked, so that lines keep their numbers."""
    text = re.sub(r'^#ifdef __cplusplus\n(.*?)^#(?:else|endif)\b.*?$', lambda m: blank(m[0]), text, flags=re.S | re.M)
    return re.sub(r'^[ \t]*#(?:.*\\\n)*.*$', lambda m: blank(m[0]), text, flags=re.M)


def drop_attributes(text):
    while '__attribute__' in text:
        start = text.index('__attribute__')
        end, depth = start + len('__attribute__'), 0
        while end < len(text):
            depth += {'(': 1, ')': -1}.get(text[end], 0)
            end += 1
            if depth == 0 and text[end - 1] == ')':
                break
        text = text[:start] + text[end:]
    return text


def split_params(text):
    """Names of the parameters: the last word of each, or the one in (*name) or before [...]."""
    names, depth, start = [], 0, 0
    for i, char in enumerate(text + ','):
        depth += {'(': 1, ')': -1}.get(char, 0)
        if char == ',' and depth == 0:
            one = text[start:i].strip()
            start = i + 1
            pointer = re.search(r'\(\s*\*\s*(\w+)\s*\)', one)
            plain = re.search(r'(\w+)\s*(?:\[[^\]]*\]\s*)*$', one)
            if one not in ('', 'void', '...') and (pointer or plain):
                names.append((pointer or plain)[1])
    return names


def statements(text):
    """(line, docstring, code) of each top-level statement; a body counts as its end."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|.', re.S)
    doc, code, line, start, depth = '', '', 1, 1, 0
    for match in token.finditer(text):
        part = match[0]
        if part.startswith('/*') or part.startswith('//'):
            if part.startswith('/**') and not code.strip():
                doc = part
        else:
            if not code.strip():
                start = line
            depth += {'{': 1, '}': -1}.get(part, 0)
            code += part
            is_type = re.match(r'\s*(typedef|struct|enum|union)\b', code)
            if depth == 0 and (part == ';' or part == '}' and not is_type):
                yield start, doc, code.strip()
                doc, code = '', ''
        line += part.count('\n')


def public_functions(tree):
    """Every function that the public headers declare, per header; names of internals (drey__) are left out."""
    result = {}
    for path in tree.files('include/drey.h', 'include/drey/*.h'):
        found = result.setdefault(path, [])
        for line, doc, code in statements(without_preprocessor(tree.read(path))):
            code = drop_attributes(code)
            match = FUNCTION.match(code)
            if match and not code.startswith('typedef'):
                found.append(Function(match[2], line, match[1], split_params(match[3]), doc))
    return result
