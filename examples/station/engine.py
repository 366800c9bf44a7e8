"""What every engine of the station does alike: it takes a port, says when it is ready, and ends with its station."""

import argparse
import os
import sys


def begin(name: str) -> int:
    """Reads the command line. Returns the port to listen on; 0 lets the system choose."""
    parser = argparse.ArgumentParser(prog=name, description=f"the station's {name} engine, on loopback")
    parser.add_argument("--port", type=int, default=0)
    return parser.parse_args().port


def ready(address: str) -> None:
    """Tells the station where this engine listens: one line on standard output."""
    if not address.startswith("http://127.0.0.1:"):
        raise SystemExit(f"`{address}` is not on loopback")
    print(address, flush=True)


def serve_until_told() -> None:
    """Waits until standard input closes, which it does when the station ends, however it ends; then leaves at once."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)
