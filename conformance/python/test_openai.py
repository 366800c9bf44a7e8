"""The official Python SDK, unchanged, against a gateway."""

import json
import unittest
from decimal import Decimal

import httpx
import openai

from facts import ABOUT_ANNA, BASE_URL, CHAT, DIMENSION, EMBEDDINGS, KEY, PERSON, SCHEMA, TOOLS, WEATHER, asks

client = openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=60)


class Chat(unittest.TestCase):
    def test_an_answer(self):
        reply = client.chat.completions.with_raw_response.create(model=CHAT, messages=asks("Say hello."), max_tokens=12)
        answer = reply.parse()
        self.assertEqual(answer.object, "chat.completion")
        self.assertTrue(answer.choices[0].message.content)
        self.assertIn(answer.choices[0].finish_reason, ("stop", "length"))
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
        self.assertTrue(reply.headers["x-request-id"])

    def test_every_way_to_limit_the_output(self):
        for limit in ({"max_tokens": 3}, {"max_completion_tokens": 3}):
            answer = client.chat.completions.create(model=CHAT, messages=asks("Count to one hundred."), **limit)
            self.assertLessEqual(answer.usage.completion_tokens, 3, limit)

    def test_a_conversation_with_content_parts(self):
        messages = [
            {"role": "system", "content": "You answer in one word."},
            {"role": "user", "content": [{"type": "text", "text": "Say hello."}]},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "Again."},
        ]
        answer = client.chat.completions.create(model=CHAT, messages=messages, max_tokens=8, temperature=0, seed=1, user="someone")
        self.assertTrue(answer.choices[0].message.content)

    def test_the_model_of_the_reply_can_be_asked_for(self):
        first = client.chat.completions.create(model=CHAT, messages=asks("Say hello."), max_tokens=2)
        again = client.chat.completions.create(model=first.model, messages=asks("Say hello."), max_tokens=2)
        self.assertEqual(first.model, again.model)


class Streams(unittest.TestCase):
    def test_without_usage(self):
        with client.chat.completions.create(model=CHAT, messages=asks("Say hello."), max_tokens=12, stream=True) as stream:
            chunks = list(stream)
        self.assertTrue("".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices))
        self.assertTrue(all(chunk.usage is None for chunk in chunks))
        self.assertTrue(all(chunk.choices for chunk in chunks))
        self.assertIn(chunks[-1].choices[0].finish_reason, ("stop", "length"))
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)

    def test_with_usage(self):
        asked = {"include_usage": True}
        stream = client.chat.completions.create(model=CHAT, messages=asks("Say hello."), max_tokens=5, stream=True, stream_options=asked)
        chunks = list(stream)
        self.assertEqual(chunks[-1].choices, [])
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)
        self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))

    def test_by_the_sdks_own_helper(self):
        with client.chat.completions.stream(model=CHAT, messages=asks("Say hello."), max_tokens=5) as stream:
            for _ in stream:
                pass
            whole = stream.current_completion_snapshot
        self.assertTrue(whole.choices[0].message.content)

    def test_left_in_the_middle(self):
        with client.chat.completions.create(model=CHAT, messages=asks("Write a story."), max_tokens=200, stream=True) as stream:
            next(iter(stream))
        self.assertTrue(client.chat.completions.create(model=CHAT, messages=asks("Say hello."), max_tokens=2).id)


class Schemas(unittest.TestCase):
    def test_a_schema(self):
        form = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}}
        answer = client.chat.completions.create(model=SCHEMA, messages=asks(ABOUT_ANNA), max_tokens=80, temperature=0, response_format=form)
        person = json.loads(answer.choices[0].message.content)
        self.assertEqual(set(person), {"name", "age"})
        self.assertIsInstance(person["age"], int)

    def test_json_mode(self):
        form = {"type": "json_object"}
        asked = asks("Give a JSON object with the key color.")
        answer = client.chat.completions.create(model=SCHEMA, messages=asked, max_tokens=60, temperature=0, response_format=form)
        self.assertIsInstance(json.loads(answer.choices[0].message.content), dict)


class Tools(unittest.TestCase):
    def test_a_call_and_its_result(self):
        messages = asks("What is the weather in Bern?")
        asked = client.chat.completions.create(model=TOOLS, messages=messages, tools=[WEATHER], tool_choice="auto", max_tokens=50)
        choice = asked.choices[0]
        self.assertEqual(choice.finish_reason, "tool_calls")
        call = choice.message.tool_calls[0]
        self.assertEqual(call.function.name, "weather")
        self.assertIsInstance(json.loads(call.function.arguments), dict)
        messages += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
        final = client.chat.completions.create(model=TOOLS, messages=messages, tools=[WEATHER], max_tokens=50)
        self.assertTrue(final.choices[0].message.content)

    def test_a_streamed_call(self):
        asked = asks("What is the weather in Bern?")
        with client.chat.completions.stream(model=TOOLS, messages=asked, tools=[WEATHER], max_tokens=50) as stream:
            for _ in stream:
                pass
            final = stream.get_final_completion()
        call = final.choices[0].message.tool_calls[0]
        self.assertEqual(call.function.name, "weather")
        self.assertIsInstance(json.loads(call.function.arguments), dict)


class Embeddings(unittest.TestCase):
    def test_as_the_sdk_asks(self):
        reply = client.embeddings.create(model=EMBEDDINGS, input=["one", "two"])  # the SDK asks for base64 by itself
        self.assertEqual([item.index for item in reply.data], [0, 1])
        self.assertTrue(all(len(item.embedding) == DIMENSION for item in reply.data))
        self.assertGreater(reply.usage.prompt_tokens, 0)

    def test_floats_are_the_same_vector(self):
        packed = client.embeddings.create(model=EMBEDDINGS, input="one").data[0].embedding
        plain = client.embeddings.create(model=EMBEDDINGS, input="one", encoding_format="float").data[0].embedding
        for a, b in zip(packed, plain, strict=True):
            self.assertAlmostEqual(a, b, places=5)

    def test_tokens_stand_for_their_text(self):
        hello_world = [15339, 1917]  # cl100k_base of `hello world`
        tokens = client.embeddings.create(model=EMBEDDINGS, input=[hello_world]).data[0].embedding
        text = client.embeddings.create(model=EMBEDDINGS, input="hello world").data[0].embedding
        for a, b in zip(tokens, text, strict=True):
            self.assertAlmostEqual(a, b, places=5)


class Models(unittest.TestCase):
    def test_the_list_and_one_of_it(self):
        names = [model.id for model in client.models.list()]
        self.assertTrue(names)
        self.assertEqual(names[0], "auto")
        self.assertEqual([client.models.retrieve(name).id for name in names], names)

    def test_what_is_listed_is_what_answers(self):
        model = client.models.retrieve(CHAT)
        self.assertEqual((model.object, model.modality), ("model", "chat"))
        for name in (model.id, model.routes[0], model.model):
            answer = client.chat.completions.create(model=name, messages=asks("Say hello."), max_tokens=1)
            self.assertEqual(answer.model, model.model, name)


class Pricing(unittest.TestCase):
    def test_the_rate_card_needs_no_key(self):
        card = httpx.get(f"{BASE_URL}/pricing").raise_for_status().json()
        self.assertEqual(card["object"], "pricing")
        for item in card["data"]:
            for unit in item["price"]["units"].values():
                margin = Decimal(10_000 + card["margin_bp"]) / 10_000
                rate = Decimal(item["price"]["rate"]["usd"]) if item["price"]["rate"] else 1
                self.assertEqual(Decimal(unit["usd"]), Decimal(unit["list"]) * rate * margin, item["id"])
                self.assertEqual(Decimal(unit["credits"]), Decimal(unit["usd"]) * card["credits_per_usd"], item["id"])


class Errors(unittest.TestCase):
    def refused(self, exception, code, **fields):
        with self.assertRaises(exception) as caught:
            client.chat.completions.create(**{"model": CHAT, "messages": asks("Say hello."), "max_tokens": 2} | fields)
        self.assertEqual(caught.exception.code, code)
        self.assertTrue(caught.exception.message)
        self.assertTrue(caught.exception.request_id)
        return caught.exception

    def test_a_wrong_key(self):
        with self.assertRaises(openai.AuthenticationError) as caught:
            openai.OpenAI(base_url=BASE_URL, api_key="wrong", max_retries=0).models.list()
        self.assertEqual(caught.exception.code, "invalid_api_key")

    def test_an_unknown_model(self):
        self.refused(openai.NotFoundError, "model_not_found", model="no-such-model")

    def test_an_unknown_path(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            client.files.list()
        self.assertEqual(caught.exception.code, "not_found")

    def test_a_field_of_another_type(self):
        self.assertEqual(self.refused(openai.BadRequestError, "invalid_request", max_tokens="100").param, "max_tokens")

    def test_a_field_that_is_ours(self):
        self.refused(openai.BadRequestError, "unsupported_parameter", extra_body={"plugins": [{"id": "web"}]})

    def test_an_unknown_region(self):
        error = self.refused(openai.BadRequestError, "invalid_header", extra_headers={"X-Region": "ATLANTIS"})
        self.assertEqual(error.param.lower(), "x-region")

    def test_a_region_that_nobody_serves(self):
        self.refused(openai.UnprocessableEntityError, "no_route", extra_headers={"X-Region": "INDIA"}, model=client.models.list().data[0].id)

    def test_a_stream_is_refused_before_it_starts(self):
        self.refused(openai.NotFoundError, "model_not_found", model="no-such-model", stream=True)


if __name__ == "__main__":
    unittest.main()
