"""How long the disk takes to make a write durable, where the ledgers lie."""

import os
import pathlib
import time

WRITES, BYTES = 100, 256


def fdatasync_seconds(folder: pathlib.Path) -> list[float]:
    """Of small writes at the end of a file, each synced, as a ledger does it."""
    path = folder / "fdatasync"
    taken = []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(WRITES):
            os.write(file, b"x" * BYTES)
            began = time.perf_counter()
            os.fdatasync(file)
            taken.append(time.perf_counter() - began)
    finally:
        os.close(file)
        path.unlink()
    return taken


def quantile(values: list[float], percent: int) -> float:
    """The smallest value that so large a part of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1]
