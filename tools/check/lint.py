# SPDX-License-Identifier: MIT
"""lint: cppcheck (but for cppcheck.suppress) and clang-tidy over what is compiled; clang-format only counts."""
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

SAMPLES = [
    ({'src/a.c': 'int f(int x);\nint f(int x)\n{\n    int a[2] = {0};\n    return a[2] + x;\n}\n'},
     'arrayIndexOutOfBounds'),
    ({'src/a.c': 'int f(int x);\nint f(int x)\n{\n    if (x > 1);\n        x++;\n    return x;\n}\n'}, 'bugprone'),
]
CPPCHECK = ['cppcheck', '--quiet', '--enable=warning,portability', '--inline-suppr', '--std=c11', '--error-exitcode=1',
            '--suppress=missingInclude', '--suppress=missingIncludeSystem', '--suppress=unmatchedSuppression',
            f'--suppressions-list={Path(__file__).parent / "cppcheck.suppress"}',
            '--template={file}:{line}: {id}: {message}']


def prepare(tree):
    """A sample's compile commands, and our configuration beside it."""
    tree.build = tree.root / 'build'
    tree.build.mkdir()
    commands = [{'directory': str(tree.root), 'command': f'cc -c {path}', 'file': path}
                for path in tree.files('src/*.c')]
    (tree.build / 'compile_commands.json').write_text(json.dumps(commands))
    shutil.copy(Path(__file__).resolve().parent.parent.parent / '.clang-tidy', tree.root)


def run(command, tree):
    return subprocess.run([str(word) for word in command], cwd=tree.root, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def compiled(tree):
    """(source, command) of our C files, once each."""
    seen = {}
    for entry in json.loads((tree.build / 'compile_commands.json').read_text()):
        path = os.path.relpath(os.path.join(entry['directory'], entry['file']), tree.root)
        if path.endswith('.c') and not path.startswith('..'):
            seen.setdefault(path, entry['command'])
    return sorted(seen.items())


def cppcheck(tree):
    cache = tree.build / 'cppcheck'
    cache.mkdir(exist_ok=True)
    folders = [folder for folder in ('src', 'squirrel') if tree.files(f'{folder}/**/*.c')]
    done = run([*CPPCHECK, f'-j{os.cpu_count()}', f'--cppcheck-build-dir={cache}', '-Iinclude', '-Isrc', '-Isquirrel',
                *folders], tree) if folders else None
    return done.stdout.splitlines() if done and done.returncode else []


def fingerprint_of_headers(tree):
    digest = hashlib.sha256(tree.read('.clang-tidy').encode())
    for path in tree.files('**/*.h'):
        digest.update(path.encode() + tree.read(path).encode())
    return digest.hexdigest()


def tidy_one(tree, path, key, cache):
    """Problems of one file; a clean result is remembered under its content."""
    stamp = cache / hashlib.sha256(f'{key}\0{path}\0{tree.read(path)}'.encode()).hexdigest()
    if stamp.exists():
        return []
    done = run(['clang-tidy', '--quiet', '-p', tree.build, '--extra-arg=-Wno-unknown-warning-option', path], tree)
    if done.returncode == 0:
        stamp.touch()
        return []
    found = [re.sub(r'^(\.\./)+', '', line.replace(f'{tree.root}/', '')) for line in done.stdout.splitlines()
             if ' error: ' in line or ' warning: ' in line]
    return found or [f'{path}: clang-tidy: {done.stdout.strip()}']


def tidy(tree):
    cache = tree.build / 'clang-tidy'
    cache.mkdir(exist_ok=True)
    headers = fingerprint_of_headers(tree)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(tidy_one, tree, path, headers + command, cache) for path, command in compiled(tree)]
        found = [problem for job in jobs for problem in job.result()]
    return sorted(set(found))


def count_unformatted(tree):
    paths = tree.files('include/**/*.h', 'src/**/*.c', 'src/**/*.h', 'squirrel/**/*.c', 'squirrel/**/*.h')
    if not paths or not tree.has('.clang-format'):
        return
    done = run(['clang-format', '--dry-run', *paths], tree)
    differ = {line.split(':')[0] for line in done.stdout.splitlines() if ': warning: ' in line}
    tree.notes.append(f'clang-format would change {len(differ)} of {len(paths)} files')


def check(tree):
    count_unformatted(tree)
    return cppcheck(tree) + tidy(tree)
