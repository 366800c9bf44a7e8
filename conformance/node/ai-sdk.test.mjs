// Vercel's AI SDK, unchanged and without a setting: from the second turn on it sends ids in the place of what was said.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

const told = process.env;
const openai = createOpenAI({ baseURL: told.CONFORMANCE_BASE_URL, apiKey: told.CONFORMANCE_KEY });
const chat = openai.responses(told.CONFORMANCE_CHAT_MODEL ?? "auto");
const calls = openai.responses(told.CONFORMANCE_TOOLS_MODEL ?? "auto");
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const weather = tool({ description: "The weather in a city", inputSchema: jsonSchema(schema), execute: async () => "sunny" });
const loud = { maxRetries: 0, onError: ({ error }) => { throw error; } };

const streamed = async (asks) => {
  const result = streamText({ ...asks, ...loud });
  let text = "";
  for await (const piece of result.textStream) text += piece;
  return { text, steps: await result.steps, response: await result.response, request: await result.request };
};
const whole = (asks) => generateText({ ...asks, maxRetries: 0 });

for (const [how, ask] of [["whole", whole], ["streamed", streamed]]) {
  test(`a conversation, ${how}`, async () => {
    const messages = [{ role: "user", content: "Say hello." }];
    for (let turn = 0; turn < 3; turn++) {
      const { text, response, request } = await ask({ model: chat, messages, maxOutputTokens: 16 });
      assert.ok(text);
      if (turn > 0) assert.ok(JSON.stringify(request.body).includes("item_reference"));
      messages.push(...response.messages, { role: "user", content: "Again." });
    }
  });

  test(`a tool, ${how}`, async () => {
    const { text, steps } = await ask({ model: calls, prompt: "What is the weather in Bern?", tools: { weather }, stopWhen: stepCountIs(3) });
    assert.equal(steps[0].toolResults[0].output, "sunny");
    assert.ok(text);
  });
}

test("a stream that breaks is an error", async () => {
  const act = { method: "POST", body: JSON.stringify([{ fault: "cut", after: 3 }]) };
  assert.ok((await fetch(`${told.CONFORMANCE_FAULTS}/cut/next`, act)).ok);
  const errors = [];
  const result = streamText({ model: openai.responses("simulated/cut"), prompt: "Say hello.", maxRetries: 0, onError: ({ error }) => errors.push(error) });
  for await (const _ of result.textStream);
  assert.equal(await result.finishReason, "error");
  assert.equal(errors.length, 1);
});
