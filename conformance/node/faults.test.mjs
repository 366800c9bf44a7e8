// What the Node SDK makes of a host that fails.
import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

const faults = process.env.CONFORMANCE_FAULTS;
const client = new OpenAI({ baseURL: process.env.CONFORMANCE_BASE_URL, apiKey: process.env.CONFORMANCE_KEY, maxRetries: 2 });

const control = async (host, act, body) => {
  assert.ok(faults, "CONFORMANCE_FAULTS says where simulated hosts take faults");
  const asked = act === "seen" ? {} : { method: "POST", body: JSON.stringify(body ?? null) };
  return (await fetch(`${faults}/${host}/${act}`, asked)).json();
};
const chat = (host, fields = {}, options = {}) =>
  client.chat.completions.create({ model: `simulated/${host}`, messages: [{ role: "user", content: "Say hello." }], ...fields }, options);

test("a busy host is asked again when it said", async () => {
  await control("busy", "forget");
  await control("busy", "next", [{ fault: "status", code: 429, retry_after: "1" }]);
  assert.ok((await chat("busy")).choices[0].message.content);
  assert.equal((await control("busy", "seen")).length, 2);
});

test("a caller that gives up is told so", async () => {
  await control("silent", "next", [{ fault: "stall" }]);
  await assert.rejects(chat("silent", {}, { timeout: 1_000, maxRetries: 0 }), OpenAI.APIConnectionTimeoutError);
});

test("a stream that breaks is an error", async () => {
  await control("cut", "next", [{ fault: "cut", after: 3 }]);
  let heard = "";
  const listen = async () => {
    for await (const chunk of await chat("cut", { stream: true })) heard += chunk.choices[0].delta.content ?? "";
  };
  await assert.rejects(listen, (error) => error instanceof OpenAI.APIError && error.code === "upstream_truncated");
  assert.ok(heard);
});
