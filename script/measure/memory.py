"""How soon a gateway answers, and what memory it keeps."""

import http.client
import pathlib
import time

import stand

from . import load, process, texts
from .figures import Burst
from .targets import BOTH_CORES, Target, found_phi

STARTS = 5
READY_SECONDS = 30
SETTLE_SECONDS = 2
BURST_CONNECTIONS = 64
WAIT_SECONDS = 120
"""So long memory may take to come back."""
TELL_SECONDS = 15
BACK = 1.5
"""Back is below so many times the idle memory."""


def measure(the: stand.Stand, folder: pathlib.Path, host: Target, seconds: float) -> tuple[Burst, list[float]]:
    """Starts a gateway with both cores some times, then lets large bodies come. Returns memory, and each start in ms."""
    found_phi(the, "process", host.addresses)
    key = the.token()
    starts = []
    for _ in range(STARTS):
        began = time.monotonic()
        running = the.launch(("taskset", "-c", BOTH_CORES))
        first_answer(the.addresses[0], key)
        starts.append((time.monotonic() - began) * 1000)
        the.stop(running)
    print(f"start to the first answer: {', '.join(f'{ms:.0f}' for ms in starts)} ms", flush=True)

    pids = [the.launch(("taskset", "-c", BOTH_CORES)).pid]
    first_answer(the.addresses[0], key)
    time.sleep(SETTLE_SECONDS)
    idle = process.resident(pids)
    body = texts.chat("plain", question="blood " * (texts.BURST_BYTES // 6))
    request = texts.write_request(folder / "burst.http", key, body)
    with load.lines(the.addresses[0], [(200, request)], connections=BURST_CONNECTIONS, seconds=seconds) as said:
        load.hear(said)
        told = load.hear(said)
    print(f"burst of {request.stat().st_size // 1024} KiB bodies on {BURST_CONNECTIONS} connections: {told['requests']} answers, {told['errors']}", flush=True)
    burst = Burst(idle, process.most_resident(pids), process.resident(pids), 0)
    began = told_last = time.monotonic()
    while burst.after > BACK * idle and burst.seconds < WAIT_SECONDS:
        if time.monotonic() - told_last >= TELL_SECONDS:
            told_last = time.monotonic()
            print(f"memory: {burst.after:.1f} MiB {burst.seconds:.0f} s after the burst (idle {idle:.1f}, at most {burst.peak:.1f})", flush=True)
        time.sleep(1)
        burst.seconds = time.monotonic() - began
        burst.after = process.resident(pids)
    return burst, starts


def first_answer(authority: str, key: str) -> None:
    """Asks until a chat call was answered."""
    body = texts.chat("plain")
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        connection = http.client.HTTPConnection(authority, timeout=READY_SECONDS)
        try:
            connection.request("POST", "/v1/chat/completions", texts.as_json(body), {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.001)
    raise stand.Failed("the gateway does not answer")
