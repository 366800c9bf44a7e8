// The official Node SDK, unchanged, against a gateway.
import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

const told = process.env;
const baseURL = told.CONFORMANCE_BASE_URL;
const chat = told.CONFORMANCE_CHAT_MODEL ?? "auto";
const schema = told.CONFORMANCE_SCHEMA_MODEL ?? "auto";
const tools = told.CONFORMANCE_TOOLS_MODEL ?? "auto";
const embeddings = told.CONFORMANCE_EMBEDDINGS_MODEL ?? "auto";
const dimension = Number(told.CONFORMANCE_DIMENSION ?? 384);

const client = new OpenAI({ baseURL, apiKey: told.CONFORMANCE_KEY, maxRetries: 0, timeout: 60_000 });
const asks = (content) => [{ role: "user", content }];
const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

test("an answer", async () => {
  const { data, response } = await client.chat.completions
    .create({ model: chat, messages: asks("Say hello."), max_tokens: 12 })
    .withResponse();
  assert.equal(data.object, "chat.completion");
  assert.ok(data.choices[0].message.content);
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
  assert.ok(response.headers.get("x-request-id"));
});

test("a stream without usage", async () => {
  const stream = await client.chat.completions.create({ model: chat, messages: asks("Say hello."), max_tokens: 12, stream: true });
  const chunks = await Array.fromAsync(stream);
  assert.ok(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""));
  assert.ok(chunks.every((chunk) => !chunk.usage));
  assert.ok(["stop", "length"].includes(chunks.at(-1).choices[0].finish_reason));
});

test("a stream with usage", async () => {
  const stream = await client.chat.completions.create({
    model: chat,
    messages: asks("Say hello."),
    max_tokens: 5,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await Array.fromAsync(stream);
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
});

test("a stream that is left in the middle", async () => {
  const stream = await client.chat.completions.create({ model: chat, messages: asks("Write a story."), max_tokens: 200, stream: true });
  for await (const _ of stream) break;
  const after = await client.chat.completions.create({ model: chat, messages: asks("Say hello."), max_tokens: 2 });
  assert.ok(after.id);
});

test("a schema", async () => {
  const person = {
    type: "object",
    properties: { name: { type: "string" }, age: { type: "integer" } },
    required: ["name", "age"],
    additionalProperties: false,
  };
  const answer = await client.chat.completions.create({
    model: schema,
    messages: asks("Anna Meier is 42 years old. Give her name and age."),
    max_tokens: 80,
    temperature: 0,
    response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema: person } },
  });
  const said = JSON.parse(answer.choices[0].message.content);
  assert.deepEqual(Object.keys(said).sort(), ["age", "name"]);
  assert.ok(Number.isInteger(said.age));
});

test("a tool call and its result", async () => {
  const messages = asks("What is the weather in Bern?");
  const asked = await client.chat.completions.create({ model: tools, messages, tools: [weather], max_tokens: 50 });
  assert.equal(asked.choices[0].finish_reason, "tool_calls");
  const call = asked.choices[0].message.tool_calls[0];
  assert.equal(call.function.name, "weather");
  messages.push(asked.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" });
  const final = await client.chat.completions.create({ model: tools, messages, tools: [weather], max_tokens: 50 });
  assert.ok(final.choices[0].message.content);
});

test("a streamed tool call", async () => {
  const runner = client.chat.completions.stream({
    model: tools,
    messages: asks("What is the weather in Bern?"),
    tools: [weather],
    max_tokens: 50,
  });
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0].message.tool_calls[0].function.name, "weather");
});

test("embeddings, as the SDK asks and as floats", async () => {
  const packed = await client.embeddings.create({ model: embeddings, input: ["one", "two"] });
  assert.deepEqual(packed.data.map((item) => item.embedding.length), [dimension, dimension]);
  const plain = await client.embeddings.create({ model: embeddings, input: "one", encoding_format: "float" });
  plain.data[0].embedding.forEach((value, at) => assert.ok(Math.abs(value - packed.data[0].embedding[at]) < 1e-5));
});

test("the list of models", async () => {
  const names = (await Array.fromAsync(client.models.list())).map((model) => model.id);
  assert.ok(names.length > 0);
  for (const name of names) assert.equal((await client.models.retrieve(name)).id, name);
});

test("the rate card needs no key", async () => {
  const reply = await fetch(`${baseURL}/pricing?class=general`);
  assert.equal(reply.status, 200);
  const card = await reply.json();
  assert.deepEqual([card.object, card.class], ["pricing", "general"]);
  for (const { price } of card.data) for (const unit of Object.values(price.units)) assert.match(unit.usd, /^\d+\.\d{2,}$/);
});

const refused = (kind, code, fields = {}, options = {}) =>
  assert.rejects(
    client.chat.completions.create({ model: chat, messages: asks("Say hello."), max_tokens: 2, ...fields }, options),
    (error) => {
      assert.ok(error instanceof kind, `${error}`);
      assert.equal(error.code, code);
      assert.ok(error.requestID);
      return true;
    },
  );

test("a wrong key is an AuthenticationError", async () => {
  const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), (error) => error instanceof OpenAI.AuthenticationError && error.code === "invalid_api_key");
});

test("an unknown model is a NotFoundError", () => refused(OpenAI.NotFoundError, "model_not_found", { model: "no-such-model" }));

test("a field of another type is a BadRequestError", () => refused(OpenAI.BadRequestError, "invalid_request", { max_tokens: "100" }));

test("a field that is ours is a BadRequestError", () => refused(OpenAI.BadRequestError, "unsupported_parameter", { plugins: [{ id: "web" }] }));

test("an unknown region is a BadRequestError", () =>
  refused(OpenAI.BadRequestError, "invalid_header", {}, { headers: { "X-Region": "ATLANTIS" } }));
