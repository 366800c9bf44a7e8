"""What the checks are told of the gateway before them, by the environment (conformance/README.md lists it)."""

import os

BASE_URL = os.environ["CONFORMANCE_BASE_URL"]
KEY = os.environ["CONFORMANCE_KEY"]
CHAT = os.environ.get("CONFORMANCE_CHAT_MODEL", "auto")
SCHEMA = os.environ.get("CONFORMANCE_SCHEMA_MODEL", "auto")
TOOLS = os.environ.get("CONFORMANCE_TOOLS_MODEL", "auto")
EMBEDDINGS = os.environ.get("CONFORMANCE_EMBEDDINGS_MODEL", "auto")
DIMENSION = int(os.environ.get("CONFORMANCE_DIMENSION", "384"))

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


def asks(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]
