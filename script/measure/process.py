"""What Linux says of a process."""

import os
import pathlib


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of some processes so far, ended threads included."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident(pids: list[int]) -> float:
    """Resident memory now, in MiB."""
    return sum(_status(pid, "VmRSS") for pid in pids) / 1024


def most_resident(pids: list[int]) -> float:
    """The most that was resident so far, in MiB."""
    return sum(_status(pid, "VmHWM") for pid in pids) / 1024


def threads(pid: int) -> int:
    return _status(pid, "Threads")


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def _status(pid: int, name: str) -> int:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name}:"))
