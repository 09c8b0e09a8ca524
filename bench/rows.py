# SPDX-License-Identifier: MIT
"""What is measured and what is aimed at: one row of the table each."""
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Row:
    bench: str
    workers: int
    tokio: Optional[float] = None  # so many times better than tokio
    go: Optional[float] = None     # so many times better than Go; 1: not slower
    limit: Optional[float] = None  # or an absolute value that must not be exceeded
    best: Optional[float] = None   # or so many times better than the best peer
    instead: str = ""              # the row that may be reached in its stead
    server: bool = False           # a server under load: net.py
    once: bool = False             # the same in each round, and long


def both(bench, workers, factor):
    return Row(bench, workers, tokio=factor, go=factor)


def served(bench, factor):
    """A server's rate, or else its processor time."""
    return [Row(bench, 1, best=factor, instead=f"{bench}_cpu", server=True),
            Row(f"{bench}_cpu", 1, best=factor, instead=bench, server=True)]


ROWS = [
    Row("yield", 1, tokio=15, go=6),
    both("yield_100k", 1, 2),
    both("spawn_join", 1, 20),
    both("spawn_batch", 1, 12),
    both("spawn_batch", 2, 8),
    both("skynet", 1, 20),
    both("skynet", 2, 20),
    both("chan_pingpong", 1, 6),
    both("chan_pingpong", 2, 3),
    both("chan_mpmc", 1, 2),
    both("chan_mpmc", 2, 2),
    both("mutex", 1, 4),
    Row("mutex", 2, tokio=3, go=1),
    both("rwlock_read", 1, 4),
    Row("rwlock_read", 2, tokio=3, go=1),
    both("sem", 1, 4),
    Row("sem", 2, tokio=3, go=1),
    Row("mutex_64", 2, tokio=4, go=1),
    Row("timeout_ready", 1, tokio=3, go=20),
    both("timers_1m", 1, 5),
    both("cancel_100k", 1, 3),
    both("cancel_100k", 2, 3),
    Row("mem_unstarted", 1, limit=160, once=True),
    Row("mem_dormant", 1, limit=256, once=True),
    Row("mem_parked", 1, limit=4400, once=True),
    both("files_bytes", 2, 2.4),
    both("files_parsed", 2, 1.5),
    Row("process_100k", 2, limit=1.3),    # times the bare loop
    Row("process_memory", 2, limit=1.2),  # times what a tenth of the files takes
    *served("tcp_echo_64", 0.95),
    *served("tcp_echo_1k", 0.95),
    *served("tcp_echo_5k", 0.95),
    *served("tcp_connect", 1),
    Row("tls_echo_64", 1, server=True),      # much of it is the library's: no aim
    Row("tls_echo_64_cpu", 1, server=True),
    Row("mem_idle", 1, limit=4600, server=True),
    Row("mem_idle_dormant", 1, limit=512, server=True),
]

SYSTEMS = ["drey", "tokio", "go", "threads", "st", "libdill", "uv"]


def more_is_better(unit):
    return unit.endswith("/s")


def times_better(ours, peer, unit):
    """How many times better ours is; None where one of them was not measured."""
    if not ours or not peer:
        return None
    return ours / peer if more_is_better(unit) else peer / ours


def times_best(values, unit):
    """How many times better ours is than the best peer."""
    ratios = [times_better(values.get("drey"), value, unit) for system, value in values.items() if system != "drey"]
    return min((ratio for ratio in ratios if ratio is not None), default=None)


def reached_itself(row, measured):
    values, unit = measured.get((row.bench, row.workers), ({}, ""))
    ours = values.get("drey")
    if ours is None:
        return None
    if row.limit is not None:
        return ours <= row.limit
    if row.best is not None:
        ratio = times_best(values, unit)
        return None if ratio is None else ratio >= row.best
    verdicts = []
    for system in ("tokio", "go"):
        target, ratio = getattr(row, system), times_better(ours, values.get(system), unit)
        if target is not None and ratio is not None:
            verdicts.append(ratio >= target)
    return all(verdicts) if verdicts else None


def reached(row, measured):
    """True, False, or None where there is nothing to compare. `measured` is {(bench, workers): (values, unit)}."""
    other = next((one for one in ROWS if one.bench == row.instead), None)
    verdict = reached_itself(row, measured)
    return verdict or other is not None and reached_itself(other, measured) or verdict


def short(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def against(ratio, target):
    if ratio is None:
        return "-" if target is None else f"- ({target:g})"
    shown = f"{ratio:.0f}x" if ratio >= 100 else f"{ratio:.3g}x"
    return shown if target is None else f"{shown} ({target:g})"


def line(row, measured):
    """The cells of one row."""
    values, unit = measured.get((row.bench, row.workers), ({}, ""))
    ours = values.get("drey")
    verdict = {True: "yes", False: "NO", None: "-"}[reached(row, measured)]
    if row.limit is not None:
        verdict += f" (at most {row.limit:g})"
    if row.best is not None:
        verdict += f" ({row.best:g} of the best)"
    return [
        row.bench, str(row.workers), unit, *[short(values.get(system)) for system in SYSTEMS],
        against(times_better(ours, values.get("tokio"), unit), row.tokio),
        against(times_better(ours, values.get("go"), unit), row.go), verdict,
    ]


HEADINGS = ["work", "w", "unit", *SYSTEMS, "tokio (aim)", "go (aim)", "reached"]


def table(lines):
    widths = [max(len(cells[i]) for cells in [HEADINGS, *lines]) for i in range(len(HEADINGS))]
    def render(cells):
        return "  ".join(c.ljust(w) if i in (0, 2) else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths)))
    return "\n".join([render(HEADINGS), "  ".join("-" * w for w in widths), *map(render, lines)])
