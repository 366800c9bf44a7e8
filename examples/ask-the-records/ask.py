"""Questions about a patient's records are answered from the records, and each answer names those that it was made of.

    python ask.py [QUESTION ...]

OPENAI_BASE_URL and OPENAI_API_KEY name the gateway. The index is in memory, or in PostgreSQL with pgvector where DATABASE_URL
is set (`pip install 'psycopg[binary]'`). Without a question, those of questions.txt are asked.
"""

import json
import os
import pathlib
import sys
from typing import Annotated, Literal

import numpy
from openai import OpenAI
from pydantic import BaseModel, Field, create_model

CHAT = os.environ.get("CHAT_MODEL", "auto")
EMBEDS = os.environ.get("EMBEDDINGS_MODEL", "auto")
HERE = pathlib.Path(__file__).parent
NEAREST = 2
LONGEST = 120  # characters; the demo's very small model would not stop by itself, a real one has use for more

# What is sent is health information: only hosts under an agreement for each kind of work may see it.
client = OpenAI(
    base_url=os.environ["OPENAI_BASE_URL"],  # said here, for without it the SDK would ask OpenAI itself
    api_key=os.environ["OPENAI_API_KEY"],
    default_headers={"X-PHI": "true"},
)


def main() -> None:
    records = {file.stem: file.read_text() for file in sorted((HERE / "records").glob("*.txt"))}
    vectors, space = embed(list(records.values()))
    index = Postgres(os.environ["DATABASE_URL"], space) if "DATABASE_URL" in os.environ else Memory()
    index.add(list(records), vectors)
    questions = sys.argv[1:] or (HERE / "questions.txt").read_text().splitlines()
    print(json.dumps([answered(question, records, index) for question in questions], indent=2, ensure_ascii=False))


def answered(question: str, records: dict[str, str], index) -> dict:
    [vector], _ = embed([question])
    found = index.nearest(vector, NEAREST)
    told = answer(question, {name: records[name] for name in found})
    return {"question": question, "answer": told.answer, "sources": list(dict.fromkeys(told.sources)), "found": found}


def embed(texts: list[str]) -> tuple[numpy.ndarray, str]:
    """A vector for each text, and the space that they lie in: vectors of another model cannot be compared with them."""
    told = client.embeddings.create(model=EMBEDS, input=texts)
    vectors = numpy.array([item.embedding for item in told.data])
    return vectors, f"{told.model}@{vectors.shape[1]}"


def answer(question: str, found: dict[str, str]) -> BaseModel:
    """The answer's `sources` can only be names of what was found: the schema has no others."""
    shape = create_model(
        "Answer",
        answer=Annotated[str, Field(max_length=LONGEST)],
        sources=Annotated[list[Literal[*found]], Field(min_length=1, max_length=NEAREST)],
    )
    records = "\n\n".join(f"[{name}] {text}" for name, text in found.items())
    how = "Answer in one sentence from these records alone, and name those that say it. If none says it, say so."
    messages = [{"role": "system", "content": how}, {"role": "user", "content": f"{records}\n\nQuestion: {question}"}]
    told = client.chat.completions.parse(model=CHAT, messages=messages, response_format=shape, max_tokens=200, temperature=0)
    return told.choices[0].message.parsed


class Memory:
    def add(self, names: list[str], vectors: numpy.ndarray) -> None:
        self.names = names
        self.vectors = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)

    def nearest(self, vector: numpy.ndarray, count: int) -> list[str]:
        order = numpy.argsort(-(self.vectors @ vector))  # of length one: the dot product sorts as the cosine does
        return [self.names[at] for at in order[:count]]


class Postgres:
    """A column without a dimension takes the vectors of every model; only those of the same space are compared."""

    def __init__(self, url: str, space: str) -> None:
        import psycopg

        self.space = space
        self.database = psycopg.connect(url, autocommit=True)
        self.database.execute("create extension if not exists vector")
        self.database.execute(
            "create table if not exists records (name text, space text, embedding vector not null, primary key (name, space))"
        )

    def add(self, names: list[str], vectors: numpy.ndarray) -> None:
        put = "insert into records values (%s, %s, %s) on conflict (name, space) do update set embedding = excluded.embedding"
        with self.database.cursor() as cursor:
            cursor.executemany(put, [(name, self.space, str(vector.tolist())) for name, vector in zip(names, vectors)])

    def nearest(self, vector: numpy.ndarray, count: int) -> list[str]:
        ask = "select name from records where space = %s order by embedding <=> %s::vector limit %s"
        return [name for (name,) in self.database.execute(ask, (self.space, str(vector.tolist()), count))]


if __name__ == "__main__":
    main()
