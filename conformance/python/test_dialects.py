"""The SDKs against hosts that speak another dialect than they do: tools, thoughts, images, whole and streamed."""

import unittest

import anthropic
import openai

from facts import ANYWHERE, BASE_URL, KEY, PNG, WEATHER, asks, every_dialect, heard

SETTINGS = {"api_key": KEY, "max_retries": 0, "timeout": 30, "default_headers": ANYWHERE}
gpt = openai.OpenAI(base_url=BASE_URL, **SETTINGS)
claude = anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), **SETTINGS)
ASKED = "What is the weather in Bern?"
FUNCTION = WEATHER["function"]
BERN = {"city": "Bern"}


# Each host calls for the weather in Bern, and then says that it is sunny.
class Dialects(unittest.TestCase):
    @every_dialect(weather=BERN)
    def test_a_chat_with_a_tool(self, model):
        messages = asks(ASKED)
        whole = {"model": model, "tools": [WEATHER], "reasoning_effort": "high"}
        first = gpt.chat.completions.create(messages=messages, **whole)
        call = first.choices[0].message.tool_calls[0]
        self.assertEqual((call.function.name, call.function.arguments.replace(" ", "")), ("weather", '{"city":"Bern"}'))
        self.assertEqual(first.choices[0].message.reasoning_content, "Let me see.")
        messages += [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
        last = gpt.chat.completions.create(messages=messages, **whole)
        self.assertEqual((last.choices[0].message.content, last.choices[0].finish_reason), ("It is sunny.", "stop"))
        self.assertGreater(last.usage.completion_tokens, 0)

    @every_dialect(weather=BERN)
    def test_a_streamed_chat_with_a_tool(self, model):
        with gpt.chat.completions.stream(model=model, messages=asks(ASKED), tools=[WEATHER], stream_options={"include_usage": True}) as stream:
            final = stream.get_final_completion()
        call = final.choices[0].message.tool_calls[0]
        self.assertEqual((call.function.name, call.function.arguments.replace(" ", "")), ("weather", '{"city":"Bern"}'))
        self.assertGreater(final.usage.completion_tokens, 0)

    @every_dialect(weather=BERN)
    def test_responses_with_a_tool(self, model):
        tool = {"type": "function", "strict": False} | FUNCTION
        more = {"model": model, "tools": [tool], "reasoning": {"effort": "high"}, "store": False, "include": ["reasoning.encrypted_content"]}
        for stream in (False, True):
            items = asks(ASKED)
            first = self.response(stream, input=items, **more)
            thought, call = first.output[:2]
            self.assertEqual((thought.type, thought.summary[0].text), ("reasoning", "Let me see."))
            self.assertEqual((call.name, call.arguments.replace(" ", "")), ("weather", '{"city":"Bern"}'))
            items += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
            last = self.response(stream, input=items, **more)
            self.assertEqual((last.output_text, last.status), ("It is sunny.", "completed"))
            self.assertGreater(last.usage.output_tokens, 0)

    def response(self, stream: bool, **fields):
        if not stream:
            return gpt.responses.create(**fields)
        with gpt.responses.stream(**fields) as events:
            return events.get_final_response()

    @every_dialect(weather=BERN)
    def test_messages_with_a_tool(self, model):
        tool = {"name": "weather", "description": "The weather in a city", "input_schema": FUNCTION["parameters"]}
        more = {"model": model, "max_tokens": 2000, "tools": [tool], "thinking": {"type": "enabled", "budget_tokens": 1024}}
        for stream in (False, True):
            messages = asks(ASKED)
            first = self.message(stream, messages=messages, **more)
            thought = next(block for block in first.content if block.type == "thinking")
            call = next(block for block in first.content if block.type == "tool_use")
            self.assertEqual((thought.thinking, call.name, call.input), ("Let me see.", "weather", BERN))
            result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
            messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
            last = self.message(stream, messages=messages, **more)
            self.assertEqual((last.content[-1].text, last.stop_reason), ("It is sunny.", "end_turn"))
            self.assertGreater(last.usage.output_tokens, 0)

    def message(self, stream: bool, **fields):
        if not stream:
            return claude.messages.create(**fields)
        with claude.messages.stream(**fields) as events:
            return events.get_final_message()

    @every_dialect()
    def test_an_image(self, model):
        url = f"data:image/png;base64,{PNG}"
        text = "What is this?"
        image = {"type": "image_url", "image_url": {"url": url}}
        gpt.chat.completions.create(model=model, messages=[{"role": "user", "content": [{"type": "text", "text": text}, image]}])
        image = {"type": "input_image", "image_url": url, "detail": "auto"}
        gpt.responses.create(model=model, input=[{"role": "user", "content": [{"type": "input_text", "text": text}, image]}])
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
        claude.messages.create(model=model, max_tokens=9, messages=[{"role": "user", "content": [{"type": "text", "text": text}, image]}])
        self.assertEqual([PNG in str(body) for body in heard(model)], [True, True, True])


if __name__ == "__main__":
    unittest.main()
