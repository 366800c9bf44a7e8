"""OpenAI's newer interface by the official Python SDK, unchanged: nothing is stored, and yet items are referred to."""

import json
import unittest

import openai

from facts import ABOUT_ANNA, BASE_URL, CHAT, KEY, PERSON, SCHEMA, TOOLS, WEATHER, control

client = openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=60)
TOOL = {"type": "function", "name": "weather", "description": "The weather in a city", "parameters": WEATHER["function"]["parameters"]}

# The SDK's stream has an end for an answer that is complete, and none for one that its limit has cut.
ENOUGH = 300


def refers(response) -> list[dict]:
    return [{"type": "item_reference", "id": item.id} for item in response.output]


class Responses(unittest.TestCase):
    def test_an_answer(self):
        response = client.responses.create(model=CHAT, input="Say hello.", max_output_tokens=16, metadata={"a": "b"})
        self.assertEqual((response.object, response.metadata), ("response", {"a": "b"}))
        self.assertIn(response.status, ("completed", "incomplete"))
        self.assertTrue(response.output_text)
        self.assertEqual(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens)

    def test_a_stream(self):
        with client.responses.stream(model=CHAT, input="Say hello.", max_output_tokens=ENOUGH) as stream:
            events = list(stream)
            response = stream.get_final_response()
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        self.assertEqual("".join(event.delta for event in events if event.type == "response.output_text.delta"), response.output_text)
        self.assertTrue(response.output_text)
        self.assertGreater(response.usage.output_tokens, 0)

    def test_what_was_said_is_referred_to(self):
        whole = client.responses.create(model=CHAT, input="Say hello.", max_output_tokens=16)
        with client.responses.stream(model=CHAT, input="Say hello.", max_output_tokens=ENOUGH) as stream:
            streamed = stream.get_final_response()
        for said in (whole, streamed):
            for back in (refers(said), said.output):
                asks = [{"role": "user", "content": "Say hello."}, *back, {"role": "user", "content": "Again."}]
                self.assertTrue(client.responses.create(model=CHAT, input=asks, max_output_tokens=16).output_text)

    def test_a_reference_to_what_is_stored_elsewhere_is_refused(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            client.responses.create(model=CHAT, input=[{"type": "item_reference", "id": "msg_68b0"}])
        self.assertEqual(caught.exception.param, "input[0].id")
        with self.assertRaises(openai.BadRequestError):
            client.responses.create(model=CHAT, input="Say hello.", store=True)

    def test_a_schema(self):
        form = {"format": {"type": "json_schema", "name": "person", "strict": True, "schema": PERSON}}
        response = client.responses.create(model=SCHEMA, input=ABOUT_ANNA, max_output_tokens=80, temperature=0, text=form)
        self.assertEqual(sorted(json.loads(response.output_text)), ["age", "name"])

    def test_left_in_the_middle(self):
        with client.responses.create(model=CHAT, input="Write a story.", max_output_tokens=200, stream=True) as stream:
            next(iter(stream))
        self.assertTrue(client.responses.create(model=CHAT, input="Say hello.", max_output_tokens=16).id)


class Tools(unittest.TestCase):
    def test_a_call_and_its_result(self):
        asks = [{"role": "user", "content": "What is the weather in Bern?"}]
        asked = client.responses.create(model=TOOLS, input=asks, tools=[TOOL])
        call = next(item for item in asked.output if item.type == "function_call")
        self.assertIsInstance(json.loads(call.arguments), dict)
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        for back in (asked.output, refers(asked)):
            again = client.responses.create(model=TOOLS, input=[*asks, *back, result])
            self.assertEqual(again.status, "completed")


class Faults(unittest.TestCase):
    def test_a_stream_that_breaks_is_an_error(self):
        control("cut", "next", [{"fault": "cut", "after": 3}])
        with self.assertRaises(openai.APIError) as caught:
            for _ in client.responses.create(model="simulated/cut", input="Say hello.", stream=True):
                pass
        self.assertEqual(caught.exception.code, "upstream_truncated")


if __name__ == "__main__":
    unittest.main()
