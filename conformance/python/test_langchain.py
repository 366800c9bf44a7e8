"""LangChain's OpenAI and Anthropic classes against a gateway."""

import unittest

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from facts import ABOUT_ANNA, ANYWHERE, BASE_URL, CHAT, DIMENSION, EMBEDDINGS, KEY, PERSON, PNG, SCHEMA, TOOLS, WEATHER, every_dialect, heard

SCHEMA_OF_A_PERSON = PERSON | {"title": "person", "description": "a person"}
SETTINGS = {"api_key": KEY, "max_retries": 0, "timeout": 60}


def gpt(model: str, **options) -> ChatOpenAI:
    return ChatOpenAI(base_url=BASE_URL, model=model, **SETTINGS, **options)


def claude(model: str, **options) -> ChatAnthropic:
    return ChatAnthropic(base_url=BASE_URL.removesuffix("/v1"), model=model, **SETTINGS, **options)


class Station(unittest.TestCase):
    """Real engines: what both classes do alike."""

    def each(self, check) -> None:
        for name, chat in (("openai", gpt), ("anthropic", claude)):
            with self.subTest(name):
                check(chat)

    def test_an_answer(self):
        def check(chat):
            answer = chat(CHAT, max_tokens=12).invoke("Say hello.")
            self.assertTrue(answer.text)
            self.assertGreater(answer.usage_metadata["output_tokens"], 0)

        self.each(check)

    def test_a_stream(self):
        def check(chat):
            pieces = list(chat(CHAT, max_tokens=12, stream_usage=True).stream("Say hello."))
            self.assertTrue("".join(piece.text for piece in pieces))
            whole = sum(pieces[1:], pieces[0])
            self.assertGreater(whole.usage_metadata["output_tokens"], 0)

        self.each(check)

    def test_a_schema(self):
        def check(chat):
            more = {"strict": True} if chat is gpt else {}
            bound = chat(SCHEMA, max_tokens=80, temperature=0).with_structured_output(SCHEMA_OF_A_PERSON, method="json_schema", **more)
            self.assertEqual(set(bound.invoke(ABOUT_ANNA)), {"name", "age"})

        self.each(check)

    def test_tools(self):
        def check(chat):
            answer = chat(TOOLS, max_tokens=50).bind_tools([WEATHER]).invoke("What is the weather in Bern?")
            self.assertEqual(answer.tool_calls[0]["name"], "weather")

        self.each(check)

    def test_embeddings(self):
        """As LangChain does it unless told otherwise: it sends tokens of cl100k_base, not text."""
        both = OpenAIEmbeddings(base_url=BASE_URL, api_key=KEY, model=EMBEDDINGS, max_retries=0)
        vectors = both.embed_documents(["one", "two"])
        self.assertEqual([len(vector) for vector in vectors], [DIMENSION, DIMENSION])
        plain = OpenAIEmbeddings(base_url=BASE_URL, api_key=KEY, model=EMBEDDINGS, max_retries=0, check_embedding_ctx_length=False)
        for a, b in zip(both.embed_query("one"), plain.embed_query("one"), strict=True):
            self.assertAlmostEqual(a, b, places=5)


class Dialects(unittest.TestCase):
    """Tools, thoughts and images before a host of every dialect, by chat, by Responses and by Messages."""

    def chats(self, model: str):
        """What to ask with, and how it is told to think."""
        away = {"default_headers": ANYWHERE}
        yield gpt(model, reasoning_effort="high", stream_usage=True, **away)
        yield gpt(model, use_responses_api=True, reasoning={"effort": "high", "summary": "auto"}, include=["reasoning.encrypted_content"], store=False, **away)
        yield claude(model, max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 1024}, **away)

    def picture(self) -> HumanMessage:
        image = {"type": "image", "base64": PNG, "mime_type": "image/png"}
        return HumanMessage([{"type": "text", "text": "What is the weather here?"}, image])

    @every_dialect(weather={"city": "Bern"})
    def test_a_tool_and_its_result(self, model):
        for chat in self.chats(model):
            bound, messages = chat.bind_tools([WEATHER]), [self.picture()]
            first = bound.invoke(messages)
            call = first.tool_calls[0]
            self.assertEqual((call["name"], call["args"]), ("weather", {"city": "Bern"}))
            last = bound.invoke([*messages, first, ToolMessage("sunny", tool_call_id=call["id"])])
            self.assertEqual(last.text, "It is sunny.")
            self.assertGreater(last.usage_metadata["output_tokens"], 0)
        self.assertTrue(all(PNG in str(body) for body in heard(model)))

    @every_dialect(weather={"city": "Bern"})
    def test_a_streamed_tool_and_its_result(self, model):
        for chat in self.chats(model):
            bound, messages = chat.bind_tools([WEATHER]), [self.picture()]
            pieces = list(bound.stream(messages))
            first = sum(pieces[1:], pieces[0])
            self.assertEqual([(call["name"], call["args"]) for call in first.tool_calls], [("weather", {"city": "Bern"})])
            pieces = list(bound.stream([*messages, first, ToolMessage("sunny", tool_call_id=first.tool_calls[0]["id"])]))
            last = sum(pieces[1:], pieces[0])
            self.assertEqual(last.text, "It is sunny.")
            self.assertGreater(last.usage_metadata["output_tokens"], 0)


if __name__ == "__main__":
    unittest.main()
