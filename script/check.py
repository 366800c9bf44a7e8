"""What `script/demo --check` proves, each proof a function: real requests to a gateway before real engines.

Nothing here knows how the gateway is made: it sees what a caller sees, and what `phi ledger` tells an operator.
"""

import base64
import dataclasses
import http.client
import json
import math
import os
import signal
import struct
import time
from collections.abc import Callable

import recipes  # it says where `roundtrip` is
import roundtrip
from roundtrip import Wrong, hold

AUDIT = ("x-request-id", "x-phi-routed", "x-phi-tier", "x-phi-attempts", "x-phi-cost-micro", "x-phi-usage")
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "city": {"type": "string"}},
    "required": ["name", "age", "city"],
    "additionalProperties": False,
}


@dataclasses.dataclass
class Reply:
    """One whole reply."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        try:
            return json.loads(self.body)
        except ValueError:
            raise Wrong(f"the body is not JSON: {self.body[:200]!r}") from None

    @property
    def code(self) -> str | None:
        return self.json.get("error", {}).get("code")


class Check:
    """The proofs, in order: a name that starts with an underscore is none."""

    def __init__(self, gateway, engines, phi: Callable[..., str]) -> None:
        self._gateway, self._engines, self._phi = gateway, engines, phi
        self._answered: list[str] = []

    def a_chat_is_answered(self) -> str:
        reply = self._chat("Name three rivers of Switzerland.", max_tokens=40)
        self._expect(reply, 200)
        self._audited(reply, "general")
        answer = reply.json["choices"][0]["message"]["content"]
        usage = reply.json["usage"]
        hold(answer.strip(), "the answer is empty")
        hold(usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0, f"usage is {usage}")
        hold(reply.headers.get("x-phi-usage") == "verified", "usage is not marked as verified")
        return shown(answer)

    def a_schema_binds_the_answer(self) -> str:
        schema = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}}
        text = "Anna Meier is 42 years old and lives in Bern. Give name, age and city."
        reply = self._chat(text, max_tokens=100, temperature=0, response_format=schema)
        self._expect(reply, 200)
        person = json.loads(reply.json["choices"][0]["message"]["content"])
        hold(set(person) == set(PERSON["required"]), f"the keys are {sorted(person)}")
        hold(isinstance(person["age"], int) and isinstance(person["name"], str), f"a value has another type: {person}")
        return json.dumps(person)

    def a_stream_ends_with_its_cost(self) -> str:
        reply = self._chat("Say hello.", max_tokens=12, stream=True)
        self._expect(reply, 200)
        hold(reply.headers.get("content-type", "").startswith("text/event-stream"), "it is no event stream")
        hold("x-phi-cost-micro" not in reply.headers, "the head of the stream claims to know the cost")
        frames = [frame for frame in reply.body.decode().split("\n\n") if frame]
        hold(len(frames) >= 4 and frames[-2] == "data: [DONE]", f"the stream ends with {frames[-2:]}")
        hold(frames[-1].startswith(": x-phi-cost-micro=") and frames[-1][19:].isdigit(), f"the last frame is {frames[-1]!r}")
        chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]
        hold(all("usage" not in chunk for chunk in chunks), "usage was sent without being asked for")
        answer = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
        hold(answer.strip(), "the streamed answer is empty")
        return f"{len(chunks)} chunks: {shown(answer)}"

    def a_stream_tells_usage_when_asked(self) -> str:
        reply = self._chat("Say hello.", max_tokens=4, stream=True, stream_options={"include_usage": True})
        self._expect(reply, 200)
        frames = [frame for frame in reply.body.decode().split("\n\n") if frame.startswith("data: {")]
        last = json.loads(frames[-1].removeprefix("data: "))
        hold(last["choices"] == [] and last["usage"]["completion_tokens"] > 0, f"the last chunk is {last}")
        hold(isinstance(last["usage"].get("cost_micro"), int), "its usage does not tell `cost_micro`")
        return json.dumps(last["usage"])

    def embeddings_put_like_near_like(self) -> str:
        texts = ["The patient has high blood pressure.", "Her arterial pressure is elevated.", "The train to Bern leaves at noon."]
        reply = self._embed(texts)
        self._expect(reply, 200)
        self._audited(reply, "general")
        one, like, unlike = (item["embedding"] for item in reply.json["data"])
        hold(len(one) == 384, f"a vector has {len(one)} dimensions")
        hold(dot(one, like) > dot(one, unlike) + 0.05, f"{dot(one, like):.3f} against {dot(one, unlike):.3f}")
        packed = self._embed(texts[0], encoding_format="base64").json["data"][0]["embedding"]
        same = struct.unpack("<384f", base64.b64decode(packed))
        hold(max(abs(a - b) for a, b in zip(one, same)) < 1e-5, "base64 holds another vector")
        return f"alike {dot(one, like):.3f}, unlike {dot(one, unlike):.3f}"

    def what_is_spoken_is_heard(self) -> str:
        text = "The patient has high blood pressure."
        asked = {"model": "auto", "voice": "alloy", "input": text, "response_format": "mp3"}
        spoken = self._post("/audio/speech", json.dumps(asked).encode(), headers={"X-PHI": "true"})
        self._expect(spoken, 200)
        content_type, form = roundtrip.form(spoken.body, model="auto", language="en")
        reply = self._post("/audio/transcriptions", form, headers={"X-PHI": "true", "Content-Type": content_type})
        self._expect(reply, 200)
        self._audited(reply, "phi")
        heard = reply.json["text"]
        hold(roundtrip.words(heard) == roundtrip.words(text), f"`{text}` was heard as `{heard}`")
        return f"{len(spoken.body)} bytes of mp3, {shown(heard)}"

    def what_is_drawn_is_read(self) -> str:
        prompt = "a red house beside the lake"
        asked = {"model": "auto", "prompt": prompt, "size": "768x512", "response_format": "b64_json"}
        drawn = self._post("/images/generations", json.dumps(asked).encode())
        self._expect(drawn, 200)
        url = f"data:image/png;base64,{drawn.json['data'][0]['b64_json']}"
        asked = {"model": "auto", "document": {"type": "image_url", "image_url": url}}
        reply = self._post("/ocr", json.dumps(asked).encode(), headers={"X-PHI": "true"})
        self._expect(reply, 200)
        self._audited(reply, "phi")
        read = reply.json["pages"][0]["markdown"]
        hold(roundtrip.words(read) == roundtrip.words(prompt), f"`{prompt}` was read as `{read}`")
        return shown(read)

    def phi_goes_where_an_agreement_stands(self) -> str:
        reply = self._chat("Summarise: the patient is well.", max_tokens=20, headers={"X-PHI": "true"})
        self._expect(reply, 200)
        self._audited(reply, "phi")
        self._expect(self._embed("the patient is well", headers={"X-PHI": "true"}), 200)
        return reply.headers["x-phi-routed"]

    def a_test_key_works_for_nothing(self) -> str:
        reply = self._chat("Say hello.", max_tokens=4, key=self._gateway.test_key)
        self._expect(reply, 200)
        hold(reply.headers.get("x-phi-cost-micro") == "0", f"it costs {reply.headers.get('x-phi-cost-micro')}")
        return "cost 0"

    def a_test_key_carries_no_phi(self) -> str:
        return self._refused(self._chat("Say hello.", key=self._gateway.test_key, headers={"X-PHI": "true"}), 403, "phi_blocked")

    def an_unknown_region_is_refused(self) -> str:
        return self._refused(self._chat("Say hello.", headers={"X-Region": "ATLANTIS"}), 400, "invalid_header")

    def a_region_without_hosts_is_refused(self) -> str:
        other = "INDIA" if self._gateway.region != "INDIA" else "ANZ"
        return self._refused(self._chat("Say hello.", headers={"X-Region": other}), 422, "no_route")

    def a_wrong_key_is_refused(self) -> str:
        key = self._gateway.key
        changed = key[:-1] + ("a" if key[-1] != "a" else "b")
        return self._refused(self._chat("Say hello.", key=changed), 401, "invalid_api_key")

    def an_unknown_model_is_refused(self) -> str:
        return self._refused(self._chat("Say hello.", model="no-such-model"), 404, "model_not_found")

    def a_key_named_twice_is_refused(self) -> str:
        body = b'{"model": "auto", "model": "auto", "messages": []}'
        return self._refused(self._post("/chat/completions", body), 400, "duplicate_key")

    def models_lists_what_the_key_may_use(self) -> str:
        reply = self._call("GET", "/models")
        self._expect(reply, 200)
        names = [model["id"] for model in reply.json["data"]]
        hold(any("smollm2" in name for name in names), f"the station's model is not among {names}")
        return f"{len(names)} names"

    def prices_are_told_to_everybody_and_nothing_of_our_own(self) -> str:
        reply = self._call("GET", "/pricing?region=CH", key="nobody")
        hold(reply.status == 200, f"status {reply.status}: {reply.body[:300]!r}")
        shown = reply.json["data"]
        hold(shown and all("CH" in item["regions"] for item in shown), f"not the routes of CH: {reply.body[:300]!r}")
        hold(b"smollm2" not in reply.body, "the engines on the premises are shown")
        return f"{len(shown)} routes, {reply.json['margin_bp'] / 100:g} % margin"

    def _long_an_input_beyond_the_context_is_refused(self) -> str:
        return self._refused(self._chat("word " * 20_000), 400, "context_length_exceeded")

    def _long_fifty_streams_at_once_all_end(self) -> str:
        import concurrent.futures

        def one(number: int) -> bool:
            reply = self._chat(f"Count to {number}.", max_tokens=5, stream=True)
            return reply.status == 200 and b"data: [DONE]" in reply.body

        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            ended = sum(pool.map(one, range(50)))
        hold(ended == 50, f"{ended} of 50")
        return "50"

    def _long_the_engines_read_back_what_they_say_and_draw(self) -> str:
        """Of each engine by itself, without the gateway: see roundtrip.py of the station."""
        proofs = roundtrip.RoundTrip({name: engine.address for name, engine in self._engines.items()})
        for name in roundtrip.NAMES:
            print(f"       {name.replace('_', ' ')}: {getattr(proofs, name)()}", flush=True)
        return f"{len(roundtrip.NAMES)} proofs"

    def _long_the_recipe_clinical_note(self) -> str:
        return recipes.clinical_note(self._gateway)

    def _long_the_recipe_patient_messages(self) -> str:
        return recipes.patient_messages(self._gateway)

    def _long_the_recipe_medical_transcription(self) -> str:
        return recipes.medical_transcription(self._gateway)

    def _long_the_recipe_ask_the_records(self) -> str:
        return recipes.ask_the_records(self._gateway)

    def an_explanation_names_the_route_that_answers(self) -> str:
        request = {"model": "auto", "max_tokens": 4, "messages": [{"role": "user", "content": "Say hello."}]}
        body = {"endpoint": "/chat/completions", "request": request}
        told = self._post("/route/explain", json.dumps(body).encode())
        hold(told.status == 200 and told.json["refusal"] is None, f"{told.status} {told.body[:300]!r}")
        first = told.json["candidates"][0]["route"]
        reply = self._post("/chat/completions", json.dumps(request).encode())
        self._expect(reply, 200)
        routed = reply.headers.get("x-phi-routed", "")
        hold(routed.startswith(f"{first}/"), f"it names {first}, and {routed} answered")
        return first

    def the_doctor_shows_who_answers_and_what_is_missing(self) -> str:
        cells = json.loads(self._phi("doctor", "routes", "--org", "demo", "--json"))
        here = [cell for cell in cells if cell["region"] == self._gateway.region and cell["class"] == "general"]
        chat = next(cell for cell in here if cell["work"] == "chat")
        hold(chat["routes"] and chat["routes"][0].startswith("local"), f"chat is answered by {chat['routes']}")
        empty = [cell for cell in cells if not cell["routes"]]
        hold(empty and all(cell["missing"]["says"] for cell in empty), "an empty cell does not say what is missing")
        return f"{len(cells) - len(empty)} of {len(cells)} cells are filled"

    def a_dead_engine_fails_alone(self) -> str:
        os.kill(self._engines["chat"].pid, signal.SIGKILL)
        time.sleep(0.5)
        reply = self._chat("Say hello.", max_tokens=4)
        hold(reply.status in (502, 503), f"chat answers {reply.status} {reply.body[:200]!r}")
        hold(reply.code in ("upstream_failed", "upstream_unavailable"), f"its code is `{reply.code}`")
        self._expect(self._embed("still here"), 200)
        return f"chat {reply.status} {reply.code}, embeddings 200"

    def the_ledger_verifies(self) -> str:
        return shown(self._phi("ledger", "verify"))

    def the_ledger_names_the_host_that_answered(self) -> str:
        hold(self._answered, "no answer to look up")
        entry = self._phi("ledger", "show", self._answered[0], "--json")
        hold("local" in entry, f"it does not name `local`: {entry[:400]}")
        records = json.loads(entry)
        closed = next((record for record in records if record.get("record") == "closed"), None)
        hold(closed is not None, f"it has no closed record: {entry[:400]}")
        hold(closed.get("host", "").startswith("local"), f"the host that answered is `{closed.get('host')}`")
        hold("Switzerland" not in entry, "it holds words of the prompt")
        return f"{closed['host']}, {closed['latency_ms']} ms"

    def _chat(self, text: str, *, key: str | None = None, headers: dict | None = None, model: str = "auto", **fields) -> Reply:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        return self._post("/chat/completions", json.dumps(body).encode(), key, headers)

    def _embed(self, texts: str | list[str], *, headers: dict | None = None, **fields) -> Reply:
        body = {"model": "auto", "input": texts, **fields}
        return self._post("/embeddings", json.dumps(body).encode(), None, headers)

    def _post(self, path: str, body: bytes, key: str | None = None, headers: dict | None = None) -> Reply:
        return self._call("POST", path, body, key, {"Content-Type": "application/json", **(headers or {})})

    def _call(self, method: str, path: str, body: bytes | None = None, key: str | None = None, headers: dict | None = None) -> Reply:
        connection = http.client.HTTPConnection(self._gateway.traffic, timeout=120)
        try:
            sent = {"Authorization": f"Bearer {key or self._gateway.key}", **(headers or {})}
            connection.request(method, f"/v1{path}", body, sent)
            reply = connection.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def _expect(self, reply: Reply, status: int) -> None:
        hold(reply.status == status, f"status {reply.status} instead of {status}: {reply.body[:300]!r}")
        if status == 200 and "x-request-id" in reply.headers:
            self._answered.append(reply.headers["x-request-id"])

    def _refused(self, reply: Reply, status: int, code: str) -> str:
        hold((reply.status, reply.code) == (status, code), f"{reply.status} `{reply.code}` instead of {status} `{code}`")
        hold("x-request-id" in reply.headers, "the refusal has no x-request-id")
        return f"{status} {code}"

    def _audited(self, reply: Reply, klass: str) -> None:
        """The audit headers are there, print themselves, and say what was asked for."""
        missing = [name for name in AUDIT if name not in reply.headers]
        hold(not missing, f"the reply has no {', '.join(missing)}")
        route, region, said = reply.headers["x-phi-routed"].split("/")
        hold(route.startswith("local") and region == self._gateway.region and said == klass, reply.headers["x-phi-routed"])
        hold(reply.headers["x-phi-tier"] == ("phi" if klass == "phi" else "non_phi"), reply.headers["x-phi-tier"])
        hold(reply.headers.get("cache-control") == "no-store", "the reply may be cached")
        for name in AUDIT:
            print(f"       {name}: {reply.headers[name]}")


def run(gateway, engines, phi: Callable[..., str], everything: bool = False) -> int:
    """Every proof in turn. Prints what each saw; the last line is the sum. Returns 0 if all hold."""
    proofs = Check(gateway, engines, phi)
    taken = [name for name in vars(Check) if not name.startswith("_") or everything and name.startswith("_long_")]
    failed = 0
    for name in taken:
        title = name.removeprefix("_long_").replace("_", " ")
        started = time.monotonic()
        try:
            saw = getattr(proofs, name)()
            print(f"ok     {title}: {saw} ({(time.monotonic() - started) * 1000:.0f} ms)", flush=True)
        except Exception as why:  # a proof that breaks in any way is a proof that failed
            failed += 1
            said = str(why) if isinstance(why, Wrong) else f"{type(why).__name__}: {why}"
            print(f"FAILED {title}: {said}", flush=True)
    print(f"{len(taken) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def dot(one, other) -> float:
    return math.fsum(a * b for a, b in zip(one, other))


def shown(text: str) -> str:
    """One line of at most 100 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:99] + "…"
