# SPDX-License-Identifier: MIT
"""layers: a folder includes only itself and those above it in LAYERS; squirrel sees only drey's public headers."""
import os
import re

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CODE = ('*.c', '*.h', '*.S', '*.inc')
PUBLIC = ('drey.h', 'drey/resolve.h', 'drey/tls.h')  # the umbrella, and what is a library of its own

SAMPLES = [
    ({'src/LAYERS': 'low\nhigh\n', 'src/low/a.c': '#include "high/b.h"\n', 'src/high/b.h': '\n'}, 'upward'),
    ({'src/LAYERS': 'low\n', 'src/odd/a.c': '\n'}, 'not in'),
    ({'src/LAYERS': 'low\n', 'src/low/a.c': '#include "../low/b.h"\n'}, '..'),
    ({'src/LAYERS': 'low\n', 'src/low/a.c': '#include "top.h"\n', 'src/top.h': '\n'}, 'upward'),
    ({'squirrel/LAYERS': 'json\n', 'squirrel/json/a.c': '#include <drey/chan.h>\n'}, '<drey.h>'),
    ({'squirrel/LAYERS': 'json\n', 'squirrel/json/a.c': '#include <drey/tls.h>\n#include "tls/tls.h"\n',
      'src/LAYERS': 'tls\n', 'src/tls/tls.h': '\n'}, 'a.c:2'),
    ({'squirrel/LAYERS': 'json\n', 'squirrel/json/a.c': '#include "wait/wait.h"\n', 'src/LAYERS': 'wait\n',
      'src/wait/wait.h': '\n'}, '<drey.h>'),
    ({'include/drey/a.h': '#include "wait/wait.h"\n'}, 'public header'),
    ({'examples/a.c': '#include "wait/wait.h"\n', 'src/LAYERS': 'wait\n', 'src/wait/wait.h': '\n'}, 'internal'),
]


def includes(tree, *patterns):
    """(path, line, quote, target) of every include in the files."""
    for path in tree.files(*patterns):
        for number, line in enumerate(tree.lines(path), 1):
            match = INCLUDE.match(line)
            if match:
                yield path, number, match[1], match[2]


def below(root):
    return [f'{root}/**/{name}' for name in CODE]


def read_layers(tree, root):
    """Folder to rank; missing table, no ranks."""
    if not tree.has(f'{root}/LAYERS'):
        return {}
    names = [line.split('#')[0].strip() for line in tree.lines(f'{root}/LAYERS')]
    return {name: rank for rank, name in enumerate(name for name in names if name)}


def own_folder(path):
    """`src/wait/park.c` is in wait; a file in the root itself, like main.c, is above all layers: ''."""
    return path.split('/')[1] if path.count('/') > 1 else ''


def target_folder(tree, root, path, target):
    """Folder of the root that an include reaches; '' is the root itself, None is elsewhere."""
    if '/' in target:
        return target.split('/')[0] if tree.has(f'{root}/{target}') else None
    beside = os.path.join(os.path.dirname(path), target)
    if tree.has(beside):
        return own_folder(beside)
    return '' if tree.has(f'{root}/{target}') else None


def layer_problems(tree, root):
    ranks = read_layers(tree, root)
    problems = []
    if tree.files(*below(root)) and not ranks:
        return [f'{root}/LAYERS is missing: list the folders, lowest first']
    for path in tree.files(*below(root)):
        if own_folder(path) and own_folder(path) not in ranks:
            problems.append(f'{path}: folder {own_folder(path)} is not in {root}/LAYERS')
    for path, line, quote, target in includes(tree, *below(root)):
        if '..' in target.split('/'):
            problems.append(f'{path}:{line}: write "{target}" from the root, without ..')
            continue
        own, folder = own_folder(path), target_folder(tree, root, path, target)
        if quote == '<' or folder is None or own not in ranks:
            continue
        if folder == '' or ranks.get(folder, len(ranks)) > ranks[own]:
            problems.append(f'{path}:{line}: upward include of "{target}" from layer {own}')
    return problems


def boundary_problems(tree):
    problems = []
    for path, line, _, target in includes(tree, *below('squirrel')):
        internal = tree.has(f'src/{target}') and not tree.has(f'squirrel/{target}')
        if internal or (target.startswith('drey/') and target not in PUBLIC):
            headers = ', '.join(f'<{name}>' for name in PUBLIC)
            problems.append(f'{path}:{line}: squirrel sees only {headers} of drey, not "{target}"')
    for path, line, quote, target in includes(tree, 'include/**/*.h'):
        if target.startswith('drey/') or target == 'drey.h':
            continue
        if quote == '"' or tree.has(f'src/{target}'):
            problems.append(f'{path}:{line}: a public header includes only <drey/…> and the system, not "{target}"')
    for path, line, _, target in includes(tree, *below('examples')):
        if tree.has(f'src/{target}'):
            problems.append(f'{path}:{line}: an example uses the public headers, "{target}" is internal')
    return problems


def check(tree):
    return layer_problems(tree, 'src') + layer_problems(tree, 'squirrel') + boundary_problems(tree)
