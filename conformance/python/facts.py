"""What the checks are told of the gateway before them, by the environment (conformance/README.md lists it)."""

import functools
import inspect
import json
import os
import urllib.request

BASE_URL = os.environ["CONFORMANCE_BASE_URL"]
KEY = os.environ["CONFORMANCE_KEY"]
CHAT = os.environ.get("CONFORMANCE_CHAT_MODEL", "auto")
SCHEMA = os.environ.get("CONFORMANCE_SCHEMA_MODEL", "auto")
TOOLS = os.environ.get("CONFORMANCE_TOOLS_MODEL", "auto")
EMBEDDINGS = os.environ.get("CONFORMANCE_EMBEDDINGS_MODEL", "auto")
DIMENSION = int(os.environ.get("CONFORMANCE_DIMENSION", "384"))
FAULTS = os.environ.get("CONFORMANCE_FAULTS")
# One model at a host of each dialect, `simulated/HOST`; they answer from anywhere, so that has to be wished.
DIALECTS = os.environ.get("CONFORMANCE_DIALECTS", "").split()
ANYWHERE = {"x-region": "WORLD"}
# Models that read documents, each at a host that speaks otherwise.
READERS = os.environ.get("CONFORMANCE_READERS", "").split()

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ABOUT_ANNA = "Anna Meier is 42 years old. Give her name and age."
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


# A picture of one pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def asks(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


def control(host: str, act: str, body: object = None) -> object:
    """One word to a simulated host (`crates/simulate/src/control.rs` lists them)."""
    assert FAULTS, "CONFORMANCE_FAULTS says where simulated hosts take faults"
    data = None if act == "seen" else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{FAULTS}/{host}/{act}", data), timeout=5) as reply:
        return json.load(reply)


def says(model: str, text: str = "It is sunny.", thought: str | None = "Let me see.", **calls: dict) -> None:
    """What a simulated host says from now on. It calls the functions, by name and arguments, before it speaks."""
    host = model.removeprefix("simulated/")
    tools = [{"name": name, "arguments": json.dumps(arguments)} for name, arguments in calls.items()]
    control(host, "forget")
    control(host, "says", {"text": text, "thought": thought, "tools": tools, "chunks": host == "mistral"})


def heard(model: str) -> list[dict]:
    """The bodies that reached a simulated host since then."""
    return [json.loads(seen["body"]) for seen in control(model.removeprefix("simulated/"), "seen")]


def every_dialect(**called: dict):
    """A check that is run once for each of DIALECTS, whose host calls these functions before it speaks."""

    def every(check):
        def prepared(case, model):
            case.assertTrue(model, "CONFORMANCE_DIALECTS names models at simulated hosts")
            says(model, **called)

        @functools.wraps(check)
        def plain(case):
            for model in DIALECTS or [None]:
                with case.subTest(model):
                    prepared(case, model)
                    check(case, model)

        @functools.wraps(check)
        async def waiting(case):
            for model in DIALECTS or [None]:
                with case.subTest(model):
                    prepared(case, model)
                    await check(case, model)

        return waiting if inspect.iscoroutinefunction(check) else plain

    return every
