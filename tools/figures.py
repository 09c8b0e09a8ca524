#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what `make bench` measured into docs: each block between `<!-- figures: NAME -->` and its end."""
import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'bench'))
import rows  # noqa: E402
import store_rows  # noqa: E402

PAGES = ('docs/performance.md', 'docs/pattern.md')
BLOCK = re.compile(r'(<!-- figures: (\w+) -->\n).*?(<!-- /figures -->)', re.S)
NAMES = {'drey': 'drey', 'tokio': 'tokio', 'go': 'Go', 'threads': 'threads', 'st': 'State Threads',
         'libdill': 'libdill', 'uv': 'libuv'}
SELECTED = {
    'yield': 'yield between two tasks',
    'spawn_join': 'spawn and join',
    'spawn_batch': 'a batch of 100,000, a task',
    'skynet': 'a million leaves, by join',
    'chan_pingpong': 'channel, there and back',
    'chan_mpmc': 'channel, four to four, a message',
    'mutex': 'mutex, uncontended',
    'mutex_64': '64 tasks on one mutex',
    'timers_1m': 'a million timers, register and cancel',
    'mem_unstarted': 'memory of an unstarted task',
    'mem_dormant': 'memory of a dormant task',
    'mem_parked': 'memory of a parked task',
}


class Measured:
    """results.json, store.json, and the machines that they were taken on."""

    def __init__(self, build):
        def read(name):
            path = build / name
            return json.loads(path.read_text()) if path.exists() else None
        self.store, self.store_machine = read('store.json'), read('store-machine.json')
        self.scale = read('scale-machine.json')
        self.results, self.machine = read('results.json'), read('machine.json')
        self.values, self.units = {}, {}
        for one in self.results or []:
            key = one['bench'], one['workers']
            self.values.setdefault(key, {})[one['system']] = one['value']
            self.units[key] = one['unit']

    def has(self, block):
        """Was it measured? If not, what the page says stays as it is."""
        return {'store': self.store, 'scale': self.scale}.get(block, self.results) is not None

    def systems(self, server=False):
        """Those that were measured, as servers or otherwise."""
        seen = {system for row, values, _unit in self.rows() if row.server == server for system in values}
        return [system for system in rows.SYSTEMS if system in seen]

    def found(self):
        return {key: (values, self.units[key]) for key, values in self.values.items()}

    def rows(self):
        """(row, {system: value}, unit) of all rows that were measured."""
        for row in rows.ROWS:
            key = row.bench, row.workers
            if key in self.values:
                yield row, self.values[key], self.units[key]


def markdown(headings, lines, right_from):
    align = ['---' if number < right_from else '--:' for number in range(len(headings))]
    return ''.join(f'| {" | ".join(cells)} |\n' for cells in [headings, align, *lines])


def system_cells(systems, values):
    return [rows.short(values[system]) if system in values else '' for system in systems]


def table(measured):
    systems = measured.systems()
    headings = ['work', 'workers', 'unit', *[NAMES[system] for system in systems],
                'against tokio (aim)', 'against Go (aim)', 'reached']
    lines = []
    for row, values, unit in measured.rows():
        if row.server:
            continue
        *_, tokio, go, verdict = rows.line(row, measured.found())
        verdict = verdict.replace('NO', '**no**')
        lines.append([f'`{row.bench}`', str(row.workers), unit, *system_cells(systems, values), tokio, go, verdict])
    return markdown(headings, lines, 3)


def servers(measured):
    systems = measured.systems(server=True)
    lines = []
    for row, values, unit in measured.rows():
        if row.server:
            verdict = rows.line(row, measured.found())[-1].replace('NO', '**no**')
            lines.append([f'`{row.bench}`', unit, *system_cells(systems, values), verdict])
    return markdown(['work', 'unit', *[NAMES[system] for system in systems], 'reached'], lines, 2)


def selected(measured):
    systems = measured.systems()
    lines = [[SELECTED[row.bench], str(row.workers), unit, *system_cells(systems, values)]
             for row, values, unit in measured.rows() if row.bench in SELECTED]
    text = markdown(['work', 'workers', 'unit', *[NAMES[system] for system in systems]], lines, 3)
    return f'{text}\n{sentence(measured.machine)}\n'


def sentence(machine):
    peers = ('tokio', 'go', 'st', 'libdill', 'uv')
    versions = ', '.join(f'{NAMES[key]} {machine[key]}' for key in peers if key in machine)
    facts = ', '.join(machine[key] for key in ('processor', 'memory', 'kernel', 'compiler') if key in machine)
    return f'Medians of {machine["rounds"]} rounds, {machine["date"]}.\n{facts}.\n{versions}.'


def losses(measured):
    """Where a peer is faster, or an aim is not reached; worst first."""
    found = []
    for row, values, unit in measured.rows():
        ratios = {system: rows.times_better(values.get('drey'), values.get(system), unit)
                  for system in rows.SYSTEMS if system != 'drey'}
        better = {system: ratio for system, ratio in ratios.items() if ratio is not None and ratio < 0.95}
        if not better:
            continue
        said = ', '.join(f'{NAMES[system]} {1 / ratio:.2g} times' for system, ratio in better.items())
        found.append((min(better.values()), f'- `{row.bench}` on {row.workers}: {said}\n'))
    return ''.join(text for _, text in sorted(found)) or 'Nowhere on this table.\n'


def stores(measured):
    """What `make bench-store` and `make bench-large` measured."""
    found = {name: store_rows.Found(**one) for name, one in measured.store.items()}
    lines = []
    for row in store_rows.ROWS:
        if row.name in found:
            name, *cells, verdict = store_rows.line(row, found[row.name])
            lines.append([f'`{name}`', *cells, verdict.replace('NO', '**no**')])
    machine = measured.store_machine
    facts = ', '.join(machine[key] for key in ('processor', 'memory', 'kernel', 'compiler') if key in machine)
    peers = ', '.join(f'{key} {machine[key]}' for key in ('redis', 'node', 'server-memory') if key in machine)
    table = markdown(store_rows.HEADINGS, lines, 2)
    return f'{table}\n{machine["date"]}. {facts}. {peers}.\n'


WRITERS = {
    'store': stores,
    'table': table,
    'servers': servers,
    'selected': selected,
    'losses': losses,
    'machine': lambda measured: sentence(measured.machine) + '\n',
    'scale': lambda measured: sentence(measured.scale) + '\n',
}


def fill(text, measured):
    def block(match):
        begin, name, end = match.groups()
        if name not in WRITERS:
            raise SystemExit(f'figures: no block is named {name}; there are: {", ".join(WRITERS)}')
        if not measured.has(name):
            return match[0]
        return f'{begin}\n{WRITERS[name](measured)}\n{end}'
    return BLOCK.sub(block, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build-dir', type=Path, default=ROOT / 'build' / 'bench', help='where results.json is')
    options = parser.parse_args()
    measured = Measured(options.build_dir)
    if not any(map(measured.has, WRITERS)):
        raise SystemExit(f'figures: {options.build_dir} has no results: run `make bench` or `make bench-store`')
    for name in PAGES:
        page = ROOT / name
        before = page.read_text()
        after = fill(before, measured)
        page.write_text(after)
        print(f'{name}: {"written" if after != before else "unchanged"}')


if __name__ == '__main__':
    main()
