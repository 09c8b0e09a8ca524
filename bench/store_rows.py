# SPDX-License-Identifier: MIT
"""What is measured of stores and what is aimed at: one row of the table each."""
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Row:
    name: str
    unit: str
    peer: str = ""                  # what it is compared with
    times: Optional[float] = None   # so many times better than the peer, at least
    least: Optional[float] = None   # or a value that must be reached
    limit: Optional[float] = None   # or one that must not be exceeded
    p99: Optional[float] = None     # nor this one by the slowest of a hundred


SMALL, ONE, REDIS, MEMORY = "1,000 contexts", "one transaction a write", "Redis", "server-memory"


def reads(size):
    return [Row(f"get_{size}", "ms", SMALL, times=0.5), Row(f"create_{size}", "ms", SMALL, times=0.5),
            Row(f"list_{size}", "ms", limit=10, p99=50), Row(f"search_{size}", "ms", limit=10, p99=50),
            Row(f"search_tenth_{size}", "ms", limit=10, p99=50), Row(f"search_none_{size}", "ms", limit=10, p99=50),
            Row(f"relevance_{size}", "ms", p99=100)]


ROWS = [
    Row("fdatasync", "ms"),
    Row("burst", "writes/s", ONE, times=3),
    Row("burst_redis", "writes/s", REDIS, times=0.25),
    Row("first_reply", "ms", limit=20),
    Row("first_reply_100k", "ms", limit=20),
    Row("first_reply_killed", "ms", limit=200),
    *reads("100k"),
    Row("memory_create", "ms", MEMORY, times=20),
    Row("memory_get", "ms", MEMORY, times=20),
    Row("memory_search", "ms", MEMORY, times=20),
    Row("sustained", "writes/s", least=4000),
    Row("sustained_lag", "revisions", limit=4096),
    Row("first_reply_1m", "ms", limit=20),
    *reads("1m"),
]


@dataclass
class Found:
    value: float
    p99: Optional[float] = None
    peer: Optional[float] = None


def short(value):
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def ratio(row, found):
    """How many times better than the peer."""
    if not found.peer or not found.value:
        return None
    return found.value / found.peer if row.unit.endswith("/s") else found.peer / found.value


def aim(row):
    parts = [f"{row.times:g} times" if row.times is not None else "",
             f"at least {row.least:,g}" if row.least is not None else "",
             f"at most {row.limit:,g}" if row.limit is not None else "",
             f"p99 at most {row.p99:g}" if row.p99 is not None else ""]
    return ", ".join(filter(None, parts))


def reached(row, found):
    verdicts = []
    if row.times is not None:
        better = ratio(row, found)
        verdicts.append(None if better is None else better >= row.times)
    if row.least is not None:
        verdicts.append(found.value >= row.least)
    if row.limit is not None:
        verdicts.append(found.value <= row.limit)
    if row.p99 is not None:
        verdicts.append(None if found.p99 is None else found.p99 <= row.p99)
    if not verdicts or None in verdicts:
        return ""
    return "yes" if all(verdicts) else "NO"


HEADINGS = ["work", "unit", "squirrel", "p99", "beside it", "", "times better", "aim", "reached"]


def line(row, found):
    better = ratio(row, found)
    return [row.name, row.unit, short(found.value), short(found.p99), row.peer if found.peer else "", short(found.peer),
            short(better), aim(row), reached(row, found)]


def table(found):
    lines = [line(row, found[row.name]) for row in ROWS if row.name in found]
    widths = [max(len(cells[i]) for cells in [HEADINGS, *lines]) for i in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip()
                     for cells in [HEADINGS, *lines])
