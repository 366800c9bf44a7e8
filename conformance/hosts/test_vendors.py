"""The vendors' own SDKs against the simulated hosts, with no gateway between: the hosts speak as those they stand for.

What is checked here of `crates/simulate` is what every other check of the gateway leans on."""

import contextlib
import json
import os
import socket
import unittest
import unittest.mock

import anthropic
import boto3
import botocore.config
import botocore.exceptions
import google.genai
import mistralai.client
import openai
from google.genai import types as google_types

from facts import PNG, WEATHER, asks, control, heard, says

PORTS = json.loads(os.environ["CONFORMANCE_HOSTS"])
ASKED = "What is the weather in Bern?"
BERN = {"city": "Bern"}
FUNCTION = WEATHER["function"]


def at(host: str, path: str = "") -> str:
    return f"http://127.0.0.1:{PORTS[host]}{path}"


class OpenAi(unittest.TestCase):
    azure = {"azure_endpoint": at("openai"), "api_version": "2025-04-01-preview", "api_key": "k", "max_retries": 0}

    def each(self):
        for client in (openai.OpenAI(base_url=at("openai", "/v1"), api_key="k", max_retries=0), openai.AzureOpenAI(**self.azure)):
            with self.subTest(type(client).__name__):
                says("openai", weather=BERN)
                yield client

    def test_whole(self):
        for client in self.each():
            answer = client.chat.completions.create(model="m", messages=asks(ASKED))
            self.assertEqual((answer.choices[0].message.content, answer.choices[0].finish_reason), ("It is sunny.", "stop"))
            self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
            called = client.chat.completions.create(model="m", messages=asks(ASKED), tools=[WEATHER]).choices[0]
            self.assertEqual((json.loads(called.message.tool_calls[0].function.arguments), called.finish_reason), (BERN, "tool_calls"))

    def test_streamed(self):
        for client in self.each():
            for tools, reason in (({}, "stop"), ({"tools": [WEATHER]}, "tool_calls")):
                with client.chat.completions.stream(model="m", messages=asks(ASKED), stream_options={"include_usage": True}, **tools) as stream:
                    final = stream.get_final_completion()
                self.assertEqual(final.choices[0].finish_reason, reason)
                self.assertGreater(final.usage.completion_tokens, 0)

    def test_vectors(self):
        for client in self.each():
            vectors = client.embeddings.create(model="m", input=["one", "two"], encoding_format="float").data
            self.assertEqual([len(vector.embedding) for vector in vectors], [8, 8])

    def test_errors(self):
        for client in self.each():
            for status, kind in ((400, openai.BadRequestError), (401, openai.AuthenticationError), (429, openai.RateLimitError), (500, openai.InternalServerError)):
                control("openai", "next", [{"fault": "status", "code": status, "error": "why", "message": "no"}])
                with self.assertRaises(kind) as caught:
                    client.chat.completions.create(model="m", messages=asks(ASKED))
                self.assertEqual(caught.exception.code, "why")


class Anthropic(unittest.TestCase):
    client = anthropic.Anthropic(base_url=at("anthropic"), api_key="k", max_retries=0)
    tool = {"name": "weather", "description": "The weather", "input_schema": FUNCTION["parameters"]}

    def setUp(self):
        says("anthropic", weather=BERN)

    def asks(self, **more):
        return {"model": "m", "max_tokens": 99, "messages": asks(ASKED)} | more

    def test_whole(self):
        thought, text = self.client.messages.create(**self.asks()).content
        self.assertEqual((thought.thinking, text.text), ("Let me see.", "It is sunny."))
        self.assertTrue(thought.signature)
        called = self.client.messages.create(**self.asks(tools=[self.tool]))
        self.assertEqual((called.content[-1].input, called.stop_reason), (BERN, "tool_use"))
        self.assertGreater(called.usage.output_tokens, 0)

    def test_streamed(self):
        for tools, reason in (([], "end_turn"), ([self.tool], "tool_use")):
            with self.client.messages.stream(**self.asks(tools=tools) if tools else self.asks()) as stream:
                final = stream.get_final_message()
            self.assertEqual((final.stop_reason, final.content[0].thinking), (reason, "Let me see."))
            self.assertTrue(final.content[0].signature)
            self.assertEqual(getattr(final.content[1], "input", BERN), BERN)
            self.assertGreater(final.usage.output_tokens, 0)

    def test_errors(self):
        for status, kind in ((400, "BadRequestError"), (429, "RateLimitError"), (529, "OverloadedError"), (500, "InternalServerError")):
            control("anthropic", "next", [{"fault": "status", "code": status, "message": "no"}])
            with self.assertRaises(anthropic.APIStatusError) as caught:
                self.client.messages.create(**self.asks())
            self.assertEqual(type(caught.exception).__name__, kind)
            self.assertEqual(caught.exception.body["error"]["message"], "no")
        control("anthropic", "next", [{"fault": "error_frame", "after": 4}])
        with self.assertRaises(anthropic.APIStatusError):
            with self.client.messages.stream(**self.asks()) as stream:
                stream.get_final_message()


class Google(unittest.TestCase):
    client = google.genai.Client(api_key="k", http_options={"base_url": at("gemini"), "api_version": "v1beta"})

    def setUp(self):
        says("gemini", weather=BERN)

    def config(self, **more):
        thinks = google_types.ThinkingConfig(include_thoughts=True)
        return google_types.GenerateContentConfig(thinking_config=thinks, **more)

    def tools(self):
        declared = google_types.FunctionDeclaration(name="weather", description="The weather", parameters_json_schema=FUNCTION["parameters"])
        off = google_types.AutomaticFunctionCallingConfig(disable=True)
        return self.config(tools=[google_types.Tool(function_declarations=[declared])], automatic_function_calling=off)

    def test_whole(self):
        answer = self.client.models.generate_content(model="m", contents=ASKED, config=self.config())
        thought = answer.candidates[0].content.parts[0]
        self.assertEqual((thought.thought, thought.text, answer.text), (True, "Let me see.", "It is sunny."))
        self.assertEqual(answer.candidates[0].finish_reason, google_types.FinishReason.STOP)
        usage = answer.usage_metadata
        self.assertEqual(usage.total_token_count, usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count)
        called = self.client.models.generate_content(model="m", contents=ASKED, config=self.tools())
        self.assertEqual((called.function_calls[0].name, called.function_calls[0].args), ("weather", BERN))

    def test_streamed(self):
        pieces = list(self.client.models.generate_content_stream(model="m", contents=ASKED, config=self.config()))
        parts = [part for piece in pieces for part in piece.candidates[0].content.parts]
        self.assertEqual("".join(part.text for part in parts if not part.thought), "It is sunny.")
        self.assertEqual("".join(part.text for part in parts if part.thought), "Let me see.")
        self.assertGreater(pieces[-1].usage_metadata.total_token_count, 0)
        pieces = list(self.client.models.generate_content_stream(model="m", contents=ASKED, config=self.tools()))
        self.assertEqual([call.args for piece in pieces for call in piece.function_calls or []], [BERN])

    def test_errors(self):
        for status, kind in ((400, google.genai.errors.ClientError), (429, google.genai.errors.ClientError), (503, google.genai.errors.ServerError)):
            control("gemini", "next", [{"fault": "status", "code": status, "message": "no"}])
            with self.assertRaises(kind) as caught:
                self.client.models.generate_content(model="m", contents=ASKED)
            self.assertEqual((caught.exception.code, caught.exception.message), (status, "no"))


class Mistral(unittest.TestCase):
    client = mistralai.client.Mistral(api_key="k", server_url=at("mistral"))

    def setUp(self):
        says("mistral", weather=BERN)

    def test_whole(self):
        answer = self.client.chat.complete(model="m", messages=asks(ASKED))
        thought, text = answer.choices[0].message.content
        self.assertEqual((thought.thinking[0].text, text.text), ("Let me see.", "It is sunny."))
        self.assertGreater(answer.usage.completion_tokens, 0)
        called = self.client.chat.complete(model="m", messages=asks(ASKED), tools=[WEATHER]).choices[0]
        self.assertEqual((json.loads(called.message.tool_calls[0].function.arguments), called.finish_reason), (BERN, "tool_calls"))

    def test_streamed(self):
        with self.client.chat.stream(model="m", messages=asks(ASKED)) as stream:
            pieces = [event.data for event in stream]
        said = [piece.choices[0].delta.content for piece in pieces]
        self.assertEqual("".join(text for text in said if isinstance(text, str)), "It is sunny.")
        self.assertEqual("".join(chunk.thinking[0].text for chunks in said if isinstance(chunks, list) for chunk in chunks), "Let me see.")
        self.assertGreater(pieces[-1].usage.completion_tokens, 0)
        with self.client.chat.stream(model="m", messages=asks(ASKED), tools=[WEATHER]) as stream:
            calls = [call for event in stream for call in event.data.choices[0].delta.tool_calls or []]
        self.assertEqual(json.loads("".join(call.function.arguments for call in calls)), BERN)

    def test_pages(self):
        document = {"type": "image_url", "image_url": f"data:image/png;base64,{PNG}"}
        answer = self.client.ocr.process(model="m", document=document, table_format="html", include_image_base64=True)
        page = answer.pages[0]
        self.assertEqual((page.tables[0].format_, page.blocks[0].type, page.images[0].id), ("html", "text", "img-0.jpeg"))
        self.assertEqual(answer.usage_info.pages_processed, len(answer.pages))


class Bedrock(unittest.TestCase):
    """Requests are signed by AWS's own SDK, and its own reader takes the frames."""

    region = "eu-central-2"
    name = f"bedrock-runtime.{region}.amazonaws.com"
    tools = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": FUNCTION["parameters"]}}}]}
    model = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"  # of its colon much is signed

    def setUp(self):
        says("bedrock", weather=BERN)
        self.enterContext(self.on_loopback())

    @contextlib.contextmanager
    def on_loopback(self):
        """The name that is signed leads to the simulated host."""
        resolve = socket.getaddrinfo
        lead = lambda host, *rest, **more: resolve("127.0.0.1" if host == self.name else host, *rest, **more)
        with unittest.mock.patch("socket.getaddrinfo", lead):
            yield

    def client(self, secret: str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", **more):
        keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": secret} | more
        once = botocore.config.Config(retries={"total_max_attempts": 1}, proxies={})
        return boto3.client("bedrock-runtime", region_name=self.region, endpoint_url=f"http://{self.name}:{PORTS['bedrock']}", config=once, **keys)

    def asks(self, **more):
        image = {"image": {"format": "png", "source": {"bytes": PNG.encode()}}}
        return {"modelId": self.model, "messages": [{"role": "user", "content": [{"text": ASKED}, image]}]} | more

    def test_whole(self):
        for client in (self.client(), self.client(aws_session_token="session//4711==")):
            answer = client.converse(**self.asks())
            thought, text = answer["output"]["message"]["content"]
            self.assertEqual((thought["reasoningContent"]["reasoningText"]["text"], text["text"]), ("Let me see.", "It is sunny."))
            self.assertEqual(answer["stopReason"], "end_turn")
            self.assertGreater(answer["usage"]["outputTokens"], 0)
            called = client.converse(**self.asks(toolConfig=self.tools))
            self.assertEqual((called["output"]["message"]["content"][-1]["toolUse"]["input"], called["stopReason"]), (BERN, "tool_use"))

    def test_streamed(self):
        for tools, reason in (({}, "end_turn"), ({"toolConfig": self.tools}, "tool_use")):
            events = list(self.client().converse_stream(**self.asks(**tools))["stream"])
            named = [name for event in events for name in event]
            self.assertEqual((named[0], named[-2:]), ("messageStart", ["messageStop", "metadata"]))
            deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
            self.assertEqual("".join(delta.get("reasoningContent", {}).get("text", "") for delta in deltas), "Let me see.")
            said = "".join(delta.get("text", "") + delta.get("toolUse", {}).get("input", "") for delta in deltas)
            self.assertEqual(json.loads(said) if tools else said, BERN if tools else "It is sunny.")
            self.assertEqual(events[-2]["messageStop"]["stopReason"], reason)
            self.assertGreater(events[-1]["metadata"]["usage"]["totalTokens"], 0)

    def test_errors(self):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.client(secret="another").converse(**self.asks())
        self.assertEqual(caught.exception.response["Error"]["Code"], "InvalidSignatureException")
        control("bedrock", "next", [{"fault": "status", "code": 429, "message": "no"}])
        with self.assertRaises(self.client().exceptions.ThrottlingException):
            self.client().converse(**self.asks())
        control("bedrock", "next", [{"fault": "error_frame", "after": 4}])
        with self.assertRaises(botocore.exceptions.EventStreamError):
            list(self.client().converse_stream(**self.asks())["stream"])

    def test_nobody_else_was_asked(self):
        self.client().converse(**self.asks())
        self.assertEqual(len(heard("bedrock")), 1)


if __name__ == "__main__":
    unittest.main()
