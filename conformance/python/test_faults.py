"""What the SDK makes of a host that fails: each simulated host is given one fault, and counts what reached it."""

import time
import unittest

import openai

from facts import BASE_URL, FAULTS, KEY, asks, control

SECRET = "zebra-seven-umbrella"
client = openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=2, timeout=30)


class Faults(unittest.TestCase):
    def setUp(self):
        self.assertTrue(FAULTS, "CONFORMANCE_FAULTS says where simulated hosts take faults")

    def chat(self, host: str, **fields):
        return client.with_options(**fields.pop("options", {})).chat.completions.create(
            model=f"simulated/{host}", messages=asks(f"Say {SECRET}."), **fields
        )

    def reached(self, host: str) -> int:
        return len(control(host, "seen"))

    def test_a_busy_host_is_asked_again_when_it_said(self):
        control("busy", "next", [{"fault": "status", "code": 429, "retry_after": "1"}])
        self.assertTrue(self.chat("busy").choices[0].message.content)
        self.assertEqual(self.reached("busy"), 2)

    def test_what_a_host_had_already_is_not_sent_twice(self):
        control("broken", "next", [{"fault": "status", "code": 500}])
        with self.assertRaises(openai.InternalServerError) as caught:
            self.chat("broken")
        self.assertEqual(caught.exception.code, "upstream_failed")
        self.assertEqual(caught.exception.response.headers["x-should-retry"], "false")
        self.assertEqual(self.reached("broken"), 1)
        self.assertNotIn(SECRET, caught.exception.response.text)

    def test_a_caller_that_gives_up_is_heard_by_the_host(self):
        control("silent", "next", [{"fault": "stall"}])
        with self.assertRaises(openai.APITimeoutError):
            self.chat("silent", options={"timeout": 1, "max_retries": 0})
        until = time.monotonic() + 10
        while control("silent", "seen")[0]["ended"] == "running" and time.monotonic() < until:
            time.sleep(0.1)
        self.assertEqual(control("silent", "seen")[0]["ended"], "hung_up")

    def test_a_stream_that_breaks_is_an_error(self):
        control("cut", "next", [{"fault": "cut", "after": 3}])
        heard = ""
        with self.assertRaises(openai.APIError) as caught:
            for chunk in self.chat("cut", stream=True):
                heard += chunk.choices[0].delta.content or ""
        self.assertTrue(heard)
        self.assertEqual(caught.exception.code, "upstream_truncated")
        self.assertEqual(self.reached("cut"), 1)

    def test_a_hosts_refusal_is_told_in_our_words(self):
        control("picky", "next", [{"fault": "status", "code": 400}])  # its error repeats the request, as real ones do
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat("picky")
        self.assertEqual(caught.exception.code, "upstream_rejected")
        self.assertNotIn(SECRET, caught.exception.response.text)

    def test_too_long_an_input_is_told_in_the_sentence_that_agents_know(self):
        said = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
        control("picky", "next", [{"fault": "status", "code": 400, "error": "context_length_exceeded", "message": said}])
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat("picky")
        self.assertEqual(caught.exception.code, "context_length_exceeded")
        self.assertIn("maximum context length is 8192 tokens", caught.exception.message)


if __name__ == "__main__":
    unittest.main()
