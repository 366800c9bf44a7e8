// Anthropic's Node SDK, unchanged: every chat model is reached as if it were Claude.
import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

const told = process.env;
const root = told.CONFORMANCE_BASE_URL.replace(/\/v1$/, "");
const chat = told.CONFORMANCE_CHAT_MODEL ?? "auto";
const dialects = (told.CONFORMANCE_DIALECTS ?? "").split(" ").filter(Boolean);
const settings = { baseURL: root, apiKey: told.CONFORMANCE_KEY, maxRetries: 0, timeout: 60_000 };
const client = new Anthropic(settings);
const away = new Anthropic({ ...settings, defaultHeaders: { "x-region": "WORLD" } });
const asks = (content) => [{ role: "user", content }];
const weather = { name: "weather", description: "The weather in a city", input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };

test("an answer", async () => {
  const { data, response } = await client.messages.create({ model: chat, max_tokens: 12, messages: asks("Say hello.") }).withResponse();
  assert.ok(data.content[0].text);
  assert.ok(data.usage.output_tokens > 0);
  assert.equal(data._request_id, response.headers.get("x-request-id"));
});

test("a stream", async () => {
  const stream = client.messages.stream({ model: chat, max_tokens: 12, messages: asks("Say hello.") });
  let text = "";
  stream.on("text", (piece) => (text += piece));
  const message = await stream.finalMessage();
  assert.equal(message.content[0].text, text);
  assert.ok(text && message.usage.output_tokens > 0);
});

test("tokens are counted, and models are listed", async () => {
  assert.ok((await client.messages.countTokens({ model: chat, messages: asks("Say hello.") })).input_tokens > 0);
  const names = [];
  for await (const model of client.models.list({ limit: 1 })) names.push(model.id);
  assert.ok(names.length > 1 && names.includes(chat));
});

test("each kind of error is the SDK's own", async () => {
  const ask = (client, model, messages) => () => client.messages.create({ model, max_tokens: 1, messages });
  const stranger = new Anthropic({ ...settings, apiKey: "phi_live_nobody" });
  await assert.rejects(ask(stranger, chat, asks("a")), Anthropic.AuthenticationError);
  await assert.rejects(ask(client, "no/such", asks("a")), Anthropic.NotFoundError);
  await assert.rejects(ask(client, chat, []), Anthropic.BadRequestError);
});

test("there are hosts of other dialects", () => assert.ok(dialects.length > 0, "CONFORMANCE_DIALECTS names models at simulated hosts"));

for (const model of dialects) {
  const host = model.replace("simulated/", "");
  test(`the SDK's own loop calls a function until it is done: ${host}`, async () => {
    const says = { text: "It is sunny.", thought: "Let me see.", tools: [{ name: "weather", arguments: '{"city":"Bern"}' }], chunks: host === "mistral" };
    assert.ok((await fetch(`${told.CONFORMANCE_FAULTS}/${host}/says`, { method: "POST", body: JSON.stringify(says) })).ok);
    for (const stream of [false, true]) {
      const called = [];
      const run = async (input) => (called.push(input), "sunny");
      const runner = away.beta.messages.toolRunner({
        model, stream, max_tokens: 2000, thinking: { type: "enabled", budget_tokens: 1024 },
        messages: asks("What is the weather in Bern?"), tools: [{ ...weather, run, parse: (input) => input }],
      });
      const message = await runner.runUntilDone();
      assert.equal(message.content.at(-1).text, "It is sunny.");
      assert.deepEqual(called, [{ city: "Bern" }]);
    }
  });
}
