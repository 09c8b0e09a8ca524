# SPDX-License-Identifier: MIT
"""sizes: files up to 400 lines, functions up to 60, lines up to 120 columns; exceptions are in sizes.allow."""
import ast
import re

FILE_LINES, FUNCTION_LINES, COLUMNS = 400, 60, 120
CODE = [f'{folder}/**/*.{ending}' for folder in ('include', 'src', 'squirrel', 'tests', 'bench', 'examples', 'tools')
        for ending in ('c', 'h', 'S', 'cc', 'py')] + ['include/*.h']
ALLOW = 'tools/check/sizes.allow'

LONG_FUNCTION = 'static int f(\n    int a)\n{\n' + '    a++;\n' * 61 + '}\n'
SAMPLES = [
    ({'src/a/a.c': 'int a;\n' * 401}, '401 lines'),
    ({'src/a/a.c': LONG_FUNCTION}, 'function f'),
    ({'tools/a.py': 'def f():\n' + '    pass\n' * 61}, 'function f'),
    ({'tools/a.py': 'def f(:\n'}, 'tools/a.py:1'),
    ({'src/a/a.c': '/* ' + 'x' * 120 + ' */\n'}, 'columns'),
    ({'src/a/a.c': 'int a;\n', ALLOW: 'src/a/a.c a table\n'}, 'no longer'),
    ({'src/a/a.c': 'int a;\n' * 401, ALLOW: 'src/a/a.c\n'}, 'reason'),
]


def c_functions(lines):
    """(name, length): the style puts a body's braces at column 0, the name is on the line that starts the head."""
    start = None
    for number, line in enumerate(lines):
        if line == '{':
            start = number
        elif line.startswith('}') and start is not None:
            head = start - 1
            while head > 0 and (lines[head].startswith((' ', '\t')) or not re.search(r'\w\s*\(', lines[head])):
                head -= 1
            name = re.search(r'(\w+)\s*\(\s*(\w*)', lines[head])
            known = (name[2] if name[1] == 'DREY_TEST' else name[1]) if name else '?'
            yield known, number - start + 1
            start = None


def python_functions(path, text):
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node.end_lineno - node.lineno + 1


def functions_of(path, text, problems):
    try:
        return list(python_functions(path, text) if path.endswith('.py') else c_functions(text.splitlines()))
    except SyntaxError as error:
        problems.append(f'{path}:{error.lineno}: {error.msg}')
        return []


def read_allowed(tree, problems):
    """`path reason` or `path:function reason` a line."""
    allowed = {}
    for number, line in enumerate(tree.lines(ALLOW) if tree.has(ALLOW) else [], 1):
        entry = line.split('#')[0].split(None, 1)
        if len(entry) == 1:
            problems.append(f'{ALLOW}:{number}: give the reason why {entry[0]} is long')
        if entry:
            allowed[entry[0]] = number
    return allowed


def check(tree):
    problems, over, functions = [], {}, []
    for path in tree.files(*CODE):
        text = tree.read(path)
        lines = text.splitlines()
        if len(lines) > FILE_LINES:
            over[path] = f'{path}: {len(lines)} lines, at most {FILE_LINES}'
        for name, length in functions_of(path, text, problems):
            functions.append(length)
            if length > FUNCTION_LINES:
                over[f'{path}:{name}'] = f'{path}: function {name} has {length} lines, at most {FUNCTION_LINES}'
        problems += [f'{path}:{number}: {len(line)} columns, at most {COLUMNS}'
                     for number, line in enumerate(lines, 1) if len(line) > COLUMNS]
    allowed = read_allowed(tree, problems)
    problems += [text for key, text in over.items() if key not in allowed]
    problems += [f'{ALLOW}:{number}: {key} is no longer over the limit: remove the line'
                 for key, number in allowed.items() if key not in over]
    counts = sorted(len(tree.lines(path)) for path in tree.files('src/**/*.c', 'squirrel/**/*.c'))
    if counts and functions:
        functions.sort()
        tree.notes.append(f'source files: median {counts[len(counts) // 2]} lines, longest {counts[-1]}; functions: '
                          f'nine in ten up to {functions[len(functions) * 9 // 10]} lines, longest {functions[-1]}')
    return problems
