"""Anthropic's Python SDK, unchanged, against a gateway: every chat model is reached as if it were Claude."""

import unittest

import anthropic

from facts import ABOUT_ANNA, BASE_URL, CHAT, KEY, PERSON, SCHEMA, TOOLS, WEATHER, asks, control

ROOT = BASE_URL.removesuffix("/v1")
client = anthropic.Anthropic(base_url=ROOT, api_key=KEY, max_retries=0, timeout=60)
TOOL = {"name": "weather", "description": "The weather in a city", "input_schema": WEATHER["function"]["parameters"]}


class Messages(unittest.TestCase):
    def test_an_answer(self):
        reply = client.messages.with_raw_response.create(model=CHAT, max_tokens=12, messages=asks("Say hello."))
        message = reply.parse()
        self.assertEqual((message.type, message.role), ("message", "assistant"))
        self.assertTrue(message.content[0].text)
        self.assertIn(message.stop_reason, ("end_turn", "max_tokens"))
        self.assertTrue(message.usage.input_tokens > 0 and message.usage.output_tokens > 0)
        self.assertEqual(message._request_id, reply.headers["x-request-id"])

    def test_either_credential(self):
        by_token = anthropic.Anthropic(base_url=ROOT, api_key=None, auth_token=KEY, max_retries=0, timeout=60)
        self.assertTrue(by_token.messages.create(model=CHAT, max_tokens=2, messages=asks("Say hello.")).id)

    def test_a_conversation_as_agents_have_it(self):
        cache = {"type": "ephemeral"}
        message = client.beta.messages.create(
            model=CHAT,
            max_tokens=2000,
            betas=["context-management-2025-06-27", "interleaved-thinking-2025-05-14"],
            system=[{"type": "text", "text": "You answer in one word.", "cache_control": cache}],
            messages=[
                {"role": "user", "content": [{"type": "text", "text": "Say hello."}]},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": ""}, {"type": "text", "text": "Hello."}]},
                {"role": "user", "content": [{"type": "text", "text": "Again.", "cache_control": cache}]},
            ],
            metadata={"user_id": "user_1"},
            thinking={"type": "enabled", "budget_tokens": 1024},
            context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            extra_body={"temperature": 1},  # agents of the older version send it
            extra_headers={"anthropic-version": "2023-06-01"},
            stop_sequences=["THE END"],
        )
        self.assertTrue(message.content)

    def test_a_stream(self):
        with client.messages.stream(model=CHAT, max_tokens=12, messages=asks("Say hello.")) as stream:
            text = "".join(stream.text_stream)
            message = stream.get_final_message()
        self.assertEqual(message.content[0].text, text)
        self.assertIn(message.stop_reason, ("end_turn", "max_tokens"))
        self.assertTrue(message.usage.output_tokens > 0)

    def test_events_come_in_their_order(self):
        events = client.messages.create(model=CHAT, max_tokens=8, messages=asks("Say hello."), stream=True)
        kinds = list(dict.fromkeys(event.type for event in events))
        order = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"]
        self.assertEqual(kinds, order)

    def test_left_in_the_middle(self):
        with client.messages.create(model=CHAT, max_tokens=200, messages=asks("Write a story."), stream=True) as stream:
            next(iter(stream))
        self.assertTrue(client.messages.create(model=CHAT, max_tokens=2, messages=asks("Say hello.")).id)

    def test_a_schema(self):
        form = {"format": {"type": "json_schema", "schema": PERSON}}
        message = client.messages.create(model=SCHEMA, max_tokens=80, messages=asks(ABOUT_ANNA), output_config=form)
        self.assertIn("42", message.content[0].text)

    def test_tokens_are_counted(self):
        short = client.messages.count_tokens(model=CHAT, messages=asks("Say hello.")).input_tokens
        long = client.messages.count_tokens(model=CHAT, messages=asks("Say hello. " * 100), tools=[TOOL]).input_tokens
        self.assertTrue(0 < short < long)

    def test_models_are_listed(self):
        models = list(client.models.list(limit=1))
        self.assertTrue(len(models) > 1 and all(model.type == "model" and model.created_at for model in models))
        self.assertEqual(client.models.retrieve(models[0].id).id, models[0].id)


class Tools(unittest.TestCase):
    def test_a_call_and_its_result(self):
        messages = asks("What is the weather in Bern?")
        asked = client.messages.create(model=TOOLS, max_tokens=50, messages=messages, tools=[TOOL], tool_choice={"type": "auto"})
        self.assertEqual(asked.stop_reason, "tool_use")
        call = next(block for block in asked.content if block.type == "tool_use")
        self.assertEqual((call.name, call.input), ("weather", {"city": "Bern"}))
        result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "sunny"}]}
        messages += [{"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
        final = client.messages.create(model=TOOLS, max_tokens=50, messages=messages, tools=[TOOL])
        self.assertTrue(final.content[0].text)

    def test_a_streamed_call(self):
        with client.messages.stream(model=TOOLS, max_tokens=50, messages=asks("Weather in Bern?"), tools=[TOOL]) as stream:
            message = stream.get_final_message()
        call = next(block for block in message.content if block.type == "tool_use")
        self.assertEqual((call.name, call.input, message.stop_reason), ("weather", {"city": "Bern"}, "tool_use"))


class Errors(unittest.TestCase):
    def test_each_kind_is_the_sdks_own(self):
        stranger = client.with_options(api_key="phi_live_nobody")
        for ask, kind, code in (
            (lambda: stranger.messages.create(model=CHAT, max_tokens=1, messages=asks("a")), anthropic.AuthenticationError, "invalid_api_key"),
            (lambda: client.messages.create(model="no/such", max_tokens=1, messages=asks("a")), anthropic.NotFoundError, "model_not_found"),
            (lambda: client.messages.create(model=CHAT, max_tokens=1, messages=[]), anthropic.BadRequestError, "invalid_request"),
        ):
            with self.assertRaises(kind) as caught:
                ask()
            self.assertEqual((caught.exception.body["type"], caught.exception.body["error"]["code"]), ("error", code))
            self.assertEqual(caught.exception.request_id, caught.exception.body["request_id"])

    def test_a_stream_that_breaks_is_an_error(self):
        self.addCleanup(control, "cut", "forget")
        control("cut", "next", [{"fault": "cut", "after": 3}])
        heard = ""
        with self.assertRaises(anthropic.APIStatusError) as caught:
            for event in client.messages.create(model="simulated/cut", max_tokens=9, messages=asks("a"), stream=True):
                heard += getattr(getattr(event, "delta", None), "text", "") or ""
        self.assertTrue(heard)
        self.assertEqual(caught.exception.body["error"]["code"], "upstream_truncated")
        self.assertTrue(client.messages.create(model="simulated/cut", max_tokens=9, messages=asks("a")).content)

    def test_too_long_an_input_is_told_in_the_sentence_that_agents_know(self):
        said = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
        self.addCleanup(control, "picky", "forget")
        control("picky", "next", [{"fault": "status", "code": 400, "error": "context_length_exceeded", "message": said}])
        with self.assertRaises(anthropic.BadRequestError) as caught:
            client.messages.create(model="simulated/picky", max_tokens=9, messages=asks("a"))
        self.assertIn("prompt is too long: 9000 tokens > 8192 maximum", caught.exception.message)


if __name__ == "__main__":
    unittest.main()
