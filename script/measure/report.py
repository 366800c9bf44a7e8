"""A run's figures as tables, for a terminal or in Markdown."""

from .figures import Cell, Figures
from .goals import judge
from .targets import HOST, NGINX

NOTHING = "-"


def text(found: Figures, markdown: bool) -> str:
    disk = f"fdatasync p50 {found.disk_p50:.0f} us, p99 {found.disk_p99:.0f} us. " if found.disk_p50 and found.disk_p99 else ""
    head = f"{found.date}. {found.machine}. Load average before: {found.load_before:.2f}. {disk}Median of {found.rounds} rounds of {found.seconds:g} s."
    parts = [head]
    for kind in dict.fromkeys(cell.kind for cell in found.cells):
        parts.append(table(_cells(found, kind), markdown))
    if found.memory:
        rows = [[row.target, f"{row.idle:.1f}", f"{row.peak:.1f}"] for row in found.memory]
        parts.append(table([["memory, MiB", "idle", "at most"], *rows], markdown))
    goals = [[goal.goal, goal.measured, "held" if goal.held else "missed"] for goal in judge(found)]
    parts.append(table([["goal", "measured", "verdict"], *goals], markdown))
    return "\n\n".join(parts)


def _cells(found: Figures, kind: str) -> list[list[str]]:
    """One kind of answer: a row for each target under each load."""
    streamed = kind != "plain"
    head = [kind, "connections", "requests/s", "CPU us", "rate / nginx", "CPU / nginx", "p50 ms", "p99 ms"]
    head += ["first p50 ms", "first p99 ms"] if streamed else []
    head += ["gap p99 ms", "largest gap ms"] if kind == "paced" else ["added p50 us", "added p99 us"]
    rows = [head]
    for cell in found.cells:
        if cell.kind != kind:
            continue
        nginx, host = (found.cell(kind, cell.connections, name) for name in (NGINX, HOST))
        is_proxy = cell.target != HOST
        row = [cell.target, str(cell.connections), f"{cell.rate:.0f}", f"{cell.cpu:.1f}"]
        row += [f"{cell.rate / nginx.rate:.2f}", f"{cell.cpu / nginx.cpu:.2f}"] if is_proxy and nginx and nginx.rate and nginx.cpu else [NOTHING] * 2
        row += [_ms(cell.p50), _ms(cell.p99)]
        row += [_ms(cell.first_p50), _ms(cell.first_p99)] if streamed else []
        if kind == "paced":
            row += [_ms(cell.gap_p99), _ms(cell.gap_max)]
        else:
            row += [f"{cell.p50 - host.p50:.0f}", f"{cell.p99 - host.p99:.0f}"] if is_proxy and host else [NOTHING] * 2
        rows.append(row)
    return rows


def line(number: int, cell: Cell) -> str:
    """One cell of one round, as it comes in."""
    errors = f"  {cell.errors} ERRORS" if cell.errors else ""
    return f"round {number}: {cell.kind:6} {cell.connections:3} {cell.target:15}{cell.rate:9.0f}/s{cell.cpu:8.1f} us CPU  p99 {_ms(cell.p99)} ms{errors}"


def table(rows: list[list[str]], markdown: bool) -> str:
    """The first row is the head; the first column is text, the others are set to the right where all of a column are figures."""
    if markdown:
        body = [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([body[0], "|" + "---|" * len(rows[0]), *body[1:]])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    right = [len(rows[0]) > 3 and column > 0 for column in range(len(rows[0]))]
    return "\n".join("  ".join(word.rjust(width) if r else word.ljust(width) for word, width, r in zip(row, widths, right)).rstrip() for row in rows)


def _ms(microseconds: float) -> str:
    return f"{microseconds / 1000:.2f}"
