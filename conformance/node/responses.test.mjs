// OpenAI's newer interface by the official Node SDK, unchanged: nothing is stored, and yet items are referred to.
import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

const told = process.env;
const chat = told.CONFORMANCE_CHAT_MODEL ?? "auto";
const client = new OpenAI({ baseURL: told.CONFORMANCE_BASE_URL, apiKey: told.CONFORMANCE_KEY, maxRetries: 0, timeout: 60_000 });
const asks = { model: chat, input: "Say hello.", max_output_tokens: 16 };

test("a response", async () => {
  const response = await client.responses.create(asks);
  assert.equal(response.object, "response");
  assert.ok(response.output_text);
  assert.equal(response.usage.total_tokens, response.usage.input_tokens + response.usage.output_tokens);
});

test("a response as a stream, and a reference to it", async () => {
  const stream = client.responses.stream(asks);
  let heard = "";
  for await (const event of stream) if (event.type === "response.output_text.delta") heard += event.delta;
  const response = await stream.finalResponse();
  assert.ok(heard);
  assert.equal(response.output_text, heard);
  const said = response.output.map(({ id }) => ({ type: "item_reference", id }));
  const again = await client.responses.create({ ...asks, input: [...said, { role: "user", content: "Again." }] });
  assert.ok(again.output_text);
});

test("a response that breaks is an error", async () => {
  const act = { method: "POST", body: JSON.stringify([{ fault: "cut", after: 3 }]) };
  assert.ok((await fetch(`${told.CONFORMANCE_FAULTS}/cut/next`, act)).ok);
  const listen = async () => {
    for await (const _ of await client.responses.create({ model: "simulated/cut", input: "Say hello.", stream: true }));
  };
  await assert.rejects(listen, (error) => error instanceof OpenAI.APIError && error.code === "upstream_truncated");
});
