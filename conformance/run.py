#!/usr/bin/env python3
"""Runs the official SDKs against a gateway. The last line is `N passed, N failed`; a check that is skipped has failed.

    .venv/bin/python conformance/run.py             this repository's `phi`, before the station and simulated hosts
    .venv/bin/python conformance/run.py --against   the gateway that CONFORMANCE_BASE_URL and CONFORMANCE_KEY name

See README.md for what else the environment can say.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent
sys.path[:0] = [str(HERE / "python"), str(REPO / "script")]

# Under this name tiktoken, which LangChain counts with, looks for cl100k_base before it would fetch it.
CL100K = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"


def main() -> int:
    parser = argparse.ArgumentParser(description="the official SDKs against a gateway")
    parser.add_argument("--against", action="store_true", help="the gateway that the environment names")
    if parser.parse_args().against:
        return report(python_checks("python"), node_checks())

    import stand
    import ours

    os.environ["TIKTOKEN_CACHE_DIR"] = str(vocabulary())
    try:
        with stand.Stand("conformance") as the:
            os.environ |= ours.gateway(the)
            return report(python_checks("hosts"), python_checks("python"), node_checks())
    except stand.Failed as why:
        print(f"conformance: {why}", file=sys.stderr)
        return report((0, 1))


def python_checks(folder: str) -> tuple[int, int]:
    found = unittest.TestLoader().discover(str(HERE / folder))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(found)
    failed = len(result.failures) + len(result.errors) + len(result.skipped) + len(result.unexpectedSuccesses)
    return max(0, result.testsRun - failed), failed


def node_checks() -> tuple[int, int]:
    command = [node(), "--test", "--test-reporter=tap", *sorted(map(str, (HERE / "node").glob("*.test.mjs")))]
    done = subprocess.run(command, cwd=HERE / "node", stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        if re.match(r"(not )?ok |\s+(error|message|expected|actual|code):", line):
            print(f"node: {line}")
    counts = {name: int(number) for name, number in re.findall(r"^# (pass|fail|cancelled|skipped|todo) (\d+)$", done.stdout, re.M)}
    passed = counts.pop("pass", 0)
    failed = sum(counts.values())
    return passed, failed if passed or failed else 1


def report(*counts: tuple[int, int]) -> int:
    passed, failed = (sum(numbers) for numbers in zip(*counts))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def node() -> str:
    """The Node that script/setup chose."""
    own = REPO / ".venv" / "bin" / "node"
    return str(own) if own.exists() else "node"


def vocabulary() -> pathlib.Path:
    """A folder in which tiktoken finds cl100k_base, so that nothing is fetched: the gateway's own copy of it."""
    version = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
    # Of this platform alone: what others need was never fetched.
    command = ["cargo", "metadata", "--format-version=1", "--offline", "--filter-platform", host]
    told = subprocess.run(command, cwd=REPO, capture_output=True, check=True).stdout
    package = next(package for package in json.loads(told)["packages"] if package["name"] == "tiktoken-rs")
    folder = REPO / ".local" / "tiktoken"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pathlib.Path(package["manifest_path"]).parent / "assets" / "cl100k_base.tiktoken", folder / CL100K)
    return folder


if __name__ == "__main__":
    raise SystemExit(main())
