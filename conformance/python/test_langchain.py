"""LangChain's OpenAI classes against a gateway."""

import unittest

from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from facts import ABOUT_ANNA, BASE_URL, CHAT, DIMENSION, EMBEDDINGS, KEY, PERSON, SCHEMA, TOOLS, WEATHER


def chat(model: str, **options) -> ChatOpenAI:
    return ChatOpenAI(base_url=BASE_URL, api_key=KEY, model=model, max_retries=0, timeout=60, **options)


class LangChain(unittest.TestCase):
    def test_an_answer(self):
        answer = chat(CHAT, max_tokens=12).invoke("Say hello.")
        self.assertTrue(answer.content)
        self.assertGreater(answer.usage_metadata["output_tokens"], 0)

    def test_a_stream(self):
        pieces = list(chat(CHAT, max_tokens=12, stream_usage=True).stream("Say hello."))
        self.assertTrue("".join(piece.content for piece in pieces))
        self.assertEqual(sum(1 for piece in pieces if piece.usage_metadata), 1)

    def test_a_schema(self):
        schema = PERSON | {"title": "person", "description": "a person"}
        bound = chat(SCHEMA, max_tokens=80, temperature=0).with_structured_output(schema, method="json_schema", strict=True)
        self.assertEqual(set(bound.invoke(ABOUT_ANNA)), {"name", "age"})

    def test_tools(self):
        answer = chat(TOOLS, max_tokens=50).bind_tools([WEATHER]).invoke("What is the weather in Bern?")
        self.assertEqual(answer.tool_calls[0]["name"], "weather")

    def test_embeddings(self):
        """As LangChain does it unless told otherwise: it sends tokens of cl100k_base, not text."""
        both = OpenAIEmbeddings(base_url=BASE_URL, api_key=KEY, model=EMBEDDINGS, max_retries=0)
        vectors = both.embed_documents(["one", "two"])
        self.assertEqual([len(vector) for vector in vectors], [DIMENSION, DIMENSION])
        plain = OpenAIEmbeddings(base_url=BASE_URL, api_key=KEY, model=EMBEDDINGS, max_retries=0, check_embedding_ctx_length=False)
        for a, b in zip(both.embed_query("one"), plain.embed_query("one"), strict=True):
            self.assertAlmostEqual(a, b, places=5)


if __name__ == "__main__":
    unittest.main()
