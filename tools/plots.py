#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Draws docs/images/*.svg from what `make bench-scale` measured."""
import argparse
import json
from dataclasses import dataclass
from pathlib import Path

try:
    import matplotlib
except ImportError as error:
    raise SystemExit('plots: matplotlib is missing (Debian: python3-matplotlib, for /usr/bin/python3)') from error
matplotlib.use('svg')
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / 'docs' / 'images'

# Colours that the colour-blind can tell apart (Okabe and Ito), and markers for prints without colour.
SYSTEMS = {
    'drey': {'label': 'drey', 'color': '#0072B2', 'marker': 'o', 'linewidth': 2.4, 'zorder': 3},
    'tokio': {'label': 'tokio', 'color': '#D55E00', 'marker': 's', 'linewidth': 1.5, 'zorder': 2},
    'go': {'label': 'Go', 'color': '#009E73', 'marker': '^', 'linewidth': 1.5, 'zorder': 2},
}


@dataclass(frozen=True)
class Panel:
    bench: str
    title: str
    unit: str


@dataclass(frozen=True)
class Figure:
    axis: str
    title: str
    along: str
    panels: tuple
    columns: int


FIGURES = (
    Figure('tasks', 'Cost against the number of tasks, one worker', 'tasks', (
        Panel('yield_100k', 'yield, in random order', 'ns a yield'),
        Panel('spawn_batch', 'spawn all, join all', 'ns a task'),
        Panel('mem_parked', 'memory of sleeping tasks', 'bytes a task')), 3),
    Figure('workers', 'Cost against the number of workers, on {cores} cores', 'workers', (
        Panel('spawn_batch', 'spawn 100,000, join all', 'ns a task'),
        Panel('skynet', 'a tree of a million leaves, by join', 'ms'),
        Panel('chan_mpmc', '4 producers, 4 consumers, one channel', 'ns a message'),
        Panel('mutex_64', '64 tasks on one mutex', 'ns a lock')), 2),
    Figure('bytes', 'Cost against the size of messages, one worker', 'bytes a message', (
        Panel('chan_pingpong', 'there and back, two channels', 'ns a round trip'),
        Panel('chan_mpmc', '4 producers, 4 consumers, one channel', 'ns a message')), 2),
)

STYLE = {
    'font.size': 10, 'axes.titlesize': 10.5, 'axes.labelsize': 9.5, 'xtick.labelsize': 8.5, 'ytick.labelsize': 8.5,
    'font.family': 'sans-serif', 'svg.fonttype': 'none', 'svg.hashsalt': 'drey', 'text.color': '#222222',
    'axes.spines.top': False, 'axes.spines.right': False, 'axes.edgecolor': '#888888', 'axes.grid': True,
    'grid.color': '#e2e2e2', 'grid.linewidth': 0.8, 'axes.axisbelow': True, 'xtick.color': '#444444',
    'ytick.color': '#444444', 'axes.labelcolor': '#222222', 'lines.markersize': 5,
}


def short(value, _position=None):
    """1, 10, 1k, 1M; 4k for 4096."""
    for size, letter in ((1e6, 'M'), (1e3, 'k')):
        if value >= size:
            return f'{value / size:.3g}{letter}'
    return f'{value:.3g}'


def binary(value, _position=None):
    return f'{value / 1024:.0f}K' if value >= 1024 else f'{value:.0f}'


def along(axis):
    """What the results of one axis count on x."""
    return 'workers' if axis == 'workers' else 'size'


def series(results, figure, bench):
    """{system: sorted [(x, value)]}"""
    points = {}
    for one in results:
        if one['axis'] == figure.axis and one['bench'] == bench:
            points.setdefault(one['system'], []).append((one[along(figure.axis)], one['value']))
    return {system: sorted(points[system]) for system in SYSTEMS if system in points}


def scale_x(axes, figure, values):
    if figure.axis == 'tasks':
        axes.set_xscale('log')
        axes.xaxis.set_major_locator(LogLocator(10, numticks=9))
        axes.xaxis.set_major_formatter(FuncFormatter(short))
    else:
        axes.set_xscale('log', base=2)
        axes.set_xticks(values)
        axes.xaxis.set_major_formatter(FuncFormatter(binary if figure.axis == 'bytes' else short))
    axes.xaxis.set_minor_locator(NullLocator())


def scale_y(axes, lowest, highest):
    """Whole decades, so that the panels' slopes can be compared; at least two."""
    axes.set_yscale('log')
    low = 10 ** int(f'{lowest:e}'.split('e')[1])
    high = low * 10
    while high < highest * 1.05:
        high *= 10
    axes.set_ylim(low, max(high, low * 100))
    axes.yaxis.set_major_locator(LogLocator(10, numticks=9))
    axes.yaxis.set_major_formatter(FuncFormatter(short))
    axes.yaxis.set_minor_formatter(NullFormatter())


def draw_panel(axes, figure, panel, results):
    lines = series(results, figure, panel.bench)
    for system, points in lines.items():
        axes.plot(*zip(*points), **SYSTEMS[system], markeredgecolor='white', markeredgewidth=0.6)
    everything = [point for points in lines.values() for point in points]
    scale_x(axes, figure, sorted({x for x, _ in everything}))
    scale_y(axes, min(y for _, y in everything), max(y for _, y in everything))
    axes.set_title(panel.title, loc='left')
    axes.set_ylabel(panel.unit)
    axes.set_xlabel(figure.along)


def draw(figure, results, machine):
    panels = [panel for panel in figure.panels if series(results, figure, panel.bench)]
    if not panels:
        print(f'plots: {figure.axis}: not measured')
        return
    rows = -(-len(panels) // figure.columns)
    width = {2: 4.4, 3: 3.3}[figure.columns] * figure.columns
    drawing, grid = plt.subplots(rows, figure.columns, figsize=(width, 0.85 + 2.65 * rows), squeeze=False,
                                 layout='constrained')
    drawing.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.42 / (0.85 + 2.65 * rows)), w_pad=0.09, h_pad=0.09)
    for axes, panel in zip(grid.flat, panels):
        draw_panel(axes, figure, panel, results)
    for axes in grid.flat[len(panels):]:
        axes.remove()
    top = 1 - 0.1 / (0.85 + 2.65 * rows)
    drawing.text(0.012, top, figure.title.format(**machine), fontsize=12, fontweight='bold', va='top')
    drawing.legend(*grid.flat[0].get_legend_handles_labels(), loc='upper right', bbox_to_anchor=(1, 1),
                   ncols=len(SYSTEMS), frameon=False, borderaxespad=0.1)
    path = IMAGES / f'cost-{figure.axis}.svg'
    # An opaque ground: readable where the page is dark, too.
    drawing.savefig(path, facecolor='white', metadata={'Date': None})
    plt.close(drawing)
    print(f'{path.relative_to(ROOT)}: written')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build-dir', type=Path, default=ROOT / 'build' / 'bench', help='where scale.json is')
    options = parser.parse_args()
    measured = options.build_dir / 'scale.json'
    if not measured.exists():
        raise SystemExit(f'plots: {measured} does not exist: run `make bench-scale`')
    results = json.loads(measured.read_text())
    machine = json.loads((options.build_dir / 'scale-machine.json').read_text())
    IMAGES.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        for figure in FIGURES:
            draw(figure, results, machine)


if __name__ == '__main__':
    main()
