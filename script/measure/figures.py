"""What a run of the bench found, as a file of JSON holds it."""

import dataclasses
import json
import os
import pathlib
import platform
import statistics
import time


@dataclasses.dataclass
class Cell:
    """One target under one load. Waits in microseconds; CPU in microseconds a request, of the target alone.

    first: until the first byte of an answer's content. gap: between two pieces of one stream.
    """

    kind: str
    connections: int
    target: str
    rate: float
    cpu: float
    p50: float
    p99: float
    first_p50: float
    first_p99: float
    gap_p99: float
    gap_max: float
    errors: int


@dataclasses.dataclass
class Memory:
    """Resident memory in MiB: before the first load, at most (VmHWM), and what the target is called."""

    target: str
    idle: float
    peak: float


@dataclasses.dataclass
class Burst:
    """Resident memory in MiB around a burst of large bodies: before, at most, and so many seconds after it."""

    idle: float
    peak: float
    after: float
    seconds: float


@dataclasses.dataclass
class Figures:
    date: str = dataclasses.field(default_factory=lambda: time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()))
    machine: str = dataclasses.field(default_factory=lambda: machine())
    load_before: float = dataclasses.field(default_factory=lambda: os.getloadavg()[0])
    seconds: float = 0
    rounds: int = 0
    cells: list[Cell] = dataclasses.field(default_factory=list)
    memory: list[Memory] = dataclasses.field(default_factory=list)
    disk_p50: float | None = None
    """Of fdatasync, in microseconds."""
    disk_p99: float | None = None
    burst: Burst | None = None
    start_ms: list[float] = dataclasses.field(default_factory=list)

    def cell(self, kind: str, connections: int, target: str) -> Cell | None:
        return next((cell for cell in self.cells if (cell.kind, cell.connections, cell.target) == (kind, connections, target)), None)

    def save(self, path: pathlib.Path) -> None:
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")


def load(path: pathlib.Path) -> Figures:
    read = json.loads(path.read_text())
    read["cells"] = [Cell(**cell) for cell in read["cells"]]
    read["memory"] = [Memory(**row) for row in read["memory"]]
    read["burst"] = read["burst"] and Burst(**read["burst"])
    return Figures(**read)


def median(cells: list[Cell]) -> Cell:
    """Of the same cell in several rounds: the median of each figure by itself, but of gaps the largest and of errors the sum."""
    middle = {name: statistics.median(getattr(cell, name) for cell in cells) for name in ("rate", "cpu", "p50", "p99", "first_p50", "first_p99", "gap_p99")}
    return dataclasses.replace(cells[0], **middle, gap_max=max(cell.gap_max for cell in cells), errors=sum(cell.errors for cell in cells))


def machine() -> str:
    """Such as `2 cores of some processor, Linux 6.1`."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    return f"{os.cpu_count()} cores, {names[0] if names else platform.machine()}, Linux {platform.release()}"
