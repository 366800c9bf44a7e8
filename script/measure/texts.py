"""What is asked and what is answered: made up, of the lengths that chat calls have."""

import json
import pathlib

QUESTION = "What should I ask my doctor about my blood pressure? " * 8
ANSWER = "Ask how high it is, how it was measured, and what would bring it down. " * 14
FRAMES = 54
DIMENSION = 256
BURST_BYTES = 120 * 1024

# Streams that are translated: Anthropic's callers before a host of OpenAI's format, and the other way round.
BY_MESSAGES, AT_ANTHROPIC = TRANSLATED = ("by-messages", "at-anthropic")


def whole_answer() -> bytes:
    usage = {"prompt_tokens": 140, "completion_tokens": 210, "total_tokens": 350}
    choices = [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}]
    head = {"id": "chatcmpl-0123456789abcdef", "object": "chat.completion", "created": 1770000000, "model": "bench"}
    return json.dumps(head | {"choices": choices, "usage": usage}).encode()


def streamed_answer() -> bytes:
    """Words, then why it stopped, then the usage, then the end: as many frames in all as the name above says."""

    def frame(choices: list, **more) -> str:
        head = {"id": "chatcmpl-0123456789abcdef", "object": "chat.completion.chunk", "created": 1770000000, "model": "bench", "system_fingerprint": "fp_0"}
        return f"data: {json.dumps(head | {'choices': choices} | more)}\n\n"

    words = FRAMES - 3
    text = [frame([{"index": 0, "delta": {"content": f" word {number}"}, "finish_reason": None}]) for number in range(words)]
    end = frame([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    usage = frame([], usage={"prompt_tokens": 140, "completion_tokens": words, "total_tokens": 140 + words})
    return "".join([*text, end, usage, "data: [DONE]\n\n"]).encode()


def streamed_message() -> bytes:
    """The same words as Anthropic's hosts say them: three events before them, and three behind."""

    def event(name: str, **data) -> str:
        return f"event: {name}\ndata: {json.dumps({'type': name} | data)}\n\n"

    words = FRAMES - 3
    usage = {"input_tokens": 140, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}
    message = {"id": "msg_0123456789abcdef", "type": "message", "role": "assistant", "model": "bench", "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    before = [event("message_start", message=message), event("content_block_start", index=0, content_block={"type": "text", "text": ""}), event("ping")]
    text = [event("content_block_delta", index=0, delta={"type": "text_delta", "text": f" word {number}"}) for number in range(words)]
    end = event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": words})
    return "".join([*before, *text, event("content_block_stop", index=0), end, event("message_stop")]).encode()


def vector_answer() -> bytes:
    data = [{"object": "embedding", "index": 0, "embedding": [number / 1024 for number in range(DIMENSION)]}]
    return json.dumps({"object": "list", "model": "bench", "data": data, "usage": {"prompt_tokens": 140, "total_tokens": 140}}).encode()


def chat(kind: str, question: str = QUESTION) -> dict:
    """A question; a streamed answer is asked for with its usage, so that a gateway passes every frame on."""
    if kind == BY_MESSAGES:
        return {"model": f"bench/{kind}", "stream": True, "max_tokens": 1000, "messages": [{"role": "user", "content": question}]}
    streamed = {"stream": True, "stream_options": {"include_usage": True}} if kind != "plain" else {}
    return {"model": f"bench/{kind}", **streamed, "messages": [{"role": "user", "content": question}]}


def as_json(body: dict) -> bytes:
    return json.dumps(body).encode()


def endpoint(kind: str) -> str:
    return "messages" if kind == BY_MESSAGES else "chat/completions"


def write_request(path: pathlib.Path, key: str, body: dict, endpoint: str = "chat/completions", more: dict[str, str] | None = None) -> pathlib.Path:
    """Head and body as they go over the wire. Returns the path."""
    content = as_json(body)
    headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {key}", "Content-Type": "application/json", "Content-Length": len(content)}
    lines = [f"POST /v1/{endpoint} HTTP/1.1", *(f"{name}: {value}" for name, value in (headers | (more or {})).items())]
    path.write_bytes("\r\n".join([*lines, "", ""]).encode() + content)
    return path
