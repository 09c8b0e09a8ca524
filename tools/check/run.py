#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the checks of `make check`. Each is first proven able to fail, on small bad samples."""
import argparse
import sys
import tempfile
import time
from pathlib import Path

import docs
import headers
import layers
import lint
import quotes
import rules
import sizes
import symbols
import text
from common import Tree

CHECKS = {module.__name__: module for module in (layers, text, sizes, docs, quotes, rules, headers, symbols, lint)}
ROOT = Path(__file__).resolve().parent.parent.parent


def selftest(name, module):
    """What a sample should have provoked and did not."""
    failures = []
    for files, expected in module.SAMPLES:
        with tempfile.TemporaryDirectory(prefix='drey-check-') as folder:
            tree = Tree(Path(folder))
            for path, content in files.items():
                target = tree.root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(content, encoding='utf-8')
            if hasattr(module, 'prepare'):
                module.prepare(tree)
            found = module.check(tree)
            if not any(expected in problem for problem in found):
                failures.append(f'{name}: the sample {list(files)} should give "{expected}", but gave {found}')
    return failures


def run_check(name, module, options):
    """True if the tree passes and the check itself works."""
    start = time.monotonic()
    problems = selftest(name, module)
    tree = Tree(ROOT, options.build_dir)
    if not options.selftest:
        problems += module.check(tree)
    print(f'{"FAIL" if problems else "ok":4} {module.__doc__.strip()}  [{time.monotonic() - start:.1f} s]')
    for note in tree.notes:
        print(f'       {note}')
    for problem in problems:
        print(f'     - {problem}')
    sys.stdout.flush()
    return not problems


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build-dir', type=Path, default=ROOT / 'build' / 'release', help='configured and built')
    parser.add_argument('--selftest', action='store_true', help='only prove that the checks can fail')
    parser.add_argument('checks', nargs='*', help=f'only these of: {" ".join(CHECKS)}')
    options = parser.parse_args()
    options.build_dir = options.build_dir.resolve()
    unknown = sorted(set(options.checks) - set(CHECKS))
    if unknown:
        parser.error(f'no check {" ".join(unknown)}; there are: {" ".join(CHECKS)}')
    results = [run_check(name, module, options) for name, module in CHECKS.items()
               if not options.checks or name in options.checks]
    print(f'{sum(results)} checks passed, {len(results) - sum(results)} failed')
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
