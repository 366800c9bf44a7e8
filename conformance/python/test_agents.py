"""Programs that call functions until they are done, unchanged: OpenAI's Agents SDK by Responses; Pydantic AI and the loop of
Anthropic's SDK by Messages.

Each is run before a host of every dialect. The host asks for a note, and then says that it is sunny."""

import unittest

import agents
import openai
import pydantic_ai
from anthropic import Anthropic, AsyncAnthropic, beta_tool
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from facts import ANYWHERE, BASE_URL, KEY, every_dialect, heard

SETTINGS = {"api_key": KEY, "max_retries": 0, "timeout": 30, "default_headers": ANYWHERE}
NOTE = "the secret word is heliotrope"
agents.set_tracing_disabled(True)


class Agents(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.read = []

    def passed(self, model: str) -> None:
        """The function was run once, and the host was told what it gave."""
        self.assertEqual(self.read, ["note.txt"])
        self.assertEqual([NOTE in str(body) for body in heard(model)], [False, True])
        self.read.clear()

    def read_note(self, name: str) -> str:
        """Reads a note."""
        self.read.append(name)
        return NOTE

    def agent(self, client: openai.AsyncOpenAI, model: str) -> agents.Agent:
        thinks = agents.ModelSettings(store=False, reasoning={"effort": "high"}, response_include=["reasoning.encrypted_content"])
        by = agents.OpenAIResponsesModel(model=model, openai_client=client)
        return agents.Agent(name="Reader", instructions="Read notes.", model=by, model_settings=thinks, tools=[agents.function_tool(self.read_note)])

    @every_dialect(read_note={"name": "note.txt"})
    async def test_openais(self, model):
        async with openai.AsyncOpenAI(base_url=BASE_URL, **SETTINGS) as client:
            result = await agents.Runner.run(self.agent(client, model), "What is in note.txt?", max_turns=4)
            self.assertEqual(result.final_output, "It is sunny.")
        self.passed(model)

    @every_dialect(read_note={"name": "note.txt"})
    async def test_openais_streamed(self, model):
        async with openai.AsyncOpenAI(base_url=BASE_URL, **SETTINGS) as client:
            result = agents.Runner.run_streamed(self.agent(client, model), "What is in note.txt?", max_turns=4)
            kinds = [event.type async for event in result.stream_events()]
            self.assertIn("raw_response_event", kinds)
            self.assertEqual(result.final_output, "It is sunny.")
        self.passed(model)

    @every_dialect(read_note={"name": "note.txt"})
    def test_anthropics(self, model):
        """It would have the conversation kept, is told that nothing is, and sends all of it."""
        with Anthropic(base_url=BASE_URL.removesuffix("/v1"), **SETTINGS) as client:
            asked = [{"role": "user", "content": "What is in note.txt?"}]
            for stream in (False, True):
                runner = client.beta.messages.tool_runner(model=model, max_tokens=2000, messages=asked, tools=[beta_tool(self.read_note)], stream=stream)
                self.assertEqual(runner.until_done().content[-1].text, "It is sunny.")
        self.assertEqual(self.read, ["note.txt"] * 2)
        self.read.clear()

    @every_dialect(read_note={"name": "note.txt"})
    async def test_pydantics(self, model):
        async with AsyncAnthropic(base_url=BASE_URL.removesuffix("/v1"), **SETTINGS) as client:
            by = AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client))
            agent = pydantic_ai.Agent(by, instructions="Read notes.", tools=[self.read_note])
            result = await agent.run("What is in note.txt?")
            self.assertEqual(result.output, "It is sunny.")
            self.assertGreater(result.usage.output_tokens, 0)
        self.passed(model)

    @every_dialect(read_note={"name": "note.txt"})
    async def test_pydantics_streamed(self, model):
        async with AsyncAnthropic(base_url=BASE_URL.removesuffix("/v1"), **SETTINGS) as client:
            by = AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client))
            agent = pydantic_ai.Agent(by, instructions="Read notes.", tools=[self.read_note])
            async with agent.run_stream("What is in note.txt?") as result:
                self.assertEqual(await result.get_output(), "It is sunny.")
        self.passed(model)


if __name__ == "__main__":
    unittest.main()
