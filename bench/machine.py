# SPDX-License-Identifier: MIT
"""The machine that measures: what it is, and what else it did meanwhile."""
import datetime
import os
import platform
import re
import resource
import subprocess
from pathlib import Path

from programs import CRATES


class Watch:
    """Says so if the machine was busy with other work."""

    def __init__(self):
        self.load = os.getloadavg()[0]
        self.start = self.sample()

    @staticmethod
    def sample():
        user, nice, system, idle, wait, irq, softirq, stolen = map(
            int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
        own = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        busy = user + nice + system
        return busy + idle + wait + irq + softirq + stolen, busy, stolen, own * os.sysconf("SC_CLK_TCK")

    def warn_at_start(self):
        if self.load > 0.5:
            print(f"bench: warning: the load average is {self.load:.2f}: the machine is not idle")

    def warn_at_end(self):
        total, busy, stolen, own = (now - then for now, then in zip(self.sample(), self.start))
        total = max(total, 1)
        if stolen / total > 0.01:
            print(f"bench: warning: {stolen / total:.1%} of the CPU was stolen by other virtual machines")
        if (busy - own) / total > 0.05:
            print(f"bench: warning: other programs took {(busy - own) / total:.0%} of the CPU: measure again when idle")


def said(*command):
    """The first line that a program prints, or an empty text."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.split("\n", 1)[0].strip() if done.returncode == 0 else ""


def processor():
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1].strip() if found else platform.machine()


def hypervisor():
    return "virtual machine" if re.search(r"^flags.*\bhypervisor\b", Path("/proc/cpuinfo").read_text(), re.M) else ""


def memory_gib():
    kilobytes = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return round(int(kilobytes[1]) / 2**20) if kilobytes else 0


def describe(rounds):
    """What a reader must know to judge the figures."""
    cores = len(os.sched_getaffinity(0))
    crates = sorted(path.name for path in CRATES.glob("tokio-1.*"))
    go = re.search(r"go\d[\w.]*", said("go", "version"))
    facts = {
        "date": datetime.date.today().isoformat(),
        "processor": f"{processor()}, {cores} cores" + (f", {hypervisor()}" if hypervisor() else ""),
        "cores": cores,
        "memory": f"{memory_gib()} GiB",
        "kernel": f"Linux {platform.release().split('-')[0]}",
        "compiler": said("gcc", "--version") or said("cc", "--version"),
        "tokio": f"{crates[-1][6:]}, {said('/usr/bin/rustc', '--version')}" if crates else "",
        "go": go[0][2:] if go else "",
        "st": said("pkg-config", "--modversion", "st"),
        "libdill": said("pkg-config", "--modversion", "libdill"),
        "uv": said("pkg-config", "--modversion", "libuv"),
        "rounds": rounds,
    }
    return {key: value for key, value in facts.items() if value}
