# SPDX-License-Identifier: MIT
"""Count the subtests of one TAP stream."""
import re
from dataclasses import dataclass, field

LINE = re.compile(r'^(not )?ok\b(.*)$')


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def tally(text):
    """Failures that the stream marks as known (to do) count as skipped, like what it skips."""
    result = Tally()
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            if re.match(r'^1\.\.0\s*#\s*skip', line, re.I):
                result.skipped.append(line[4:].strip(' #'))
            continue
        negative, rest = match.groups()
        if re.search(r'#\s*skip', rest, re.I) or (negative and re.search(r'#\s*to[d]o', rest, re.I)):
            result.skipped.append(rest.strip())
        elif negative:
            result.failed += 1
        else:
            result.passed += 1
    return result
