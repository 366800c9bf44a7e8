"""Mistral's Python SDK against `POST /ocr`, at hosts that speak as Mistral does and as Azure does."""

import base64
import json
import unittest
import urllib.request

import mistralai.client
from mistralai.client import errors

from facts import BASE_URL, KEY, PNG, READERS

PDF = b"%PDF-1.4\n2 0 obj\n<</Type/Pages/Kids[]/Count 1>>\nendobj\n"
URL = "data:application/pdf;base64," + base64.b64encode(PDF).decode()
LETTER = {"type": "document_url", "document_url": URL, "document_name": "letter.pdf"}
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}


def client() -> mistralai.client.Mistral:
    return mistralai.client.Mistral(api_key=KEY, server_url=BASE_URL.removesuffix("/v1"))


class Documents(unittest.TestCase):
    def each(self):
        self.assertTrue(READERS, "CONFORMANCE_READERS names models that read documents")
        for model in READERS:
            with self.subTest(model):
                yield model

    def test_a_document_becomes_markdown(self):
        for model in self.each():
            for document, kind in ((LETTER, len(PDF)), (PICTURE, len(base64.b64decode(PNG)))):
                answer = client().ocr.process(model=model, document=document, table_format="html", pages="0")
                page = answer.pages[0]
                self.assertEqual((page.index, len(answer.pages), answer.model), (0, 1, model))
                self.assertIn("simulated", page.markdown)
                self.assertIn(f"[{page.tables[0].id}]({page.tables[0].id})", page.markdown)
                self.assertEqual((page.dimensions.dpi, page.images[0].id), (200, "img-0.jpeg"))
                self.assertEqual((answer.usage_info.pages_processed, answer.usage_info.doc_size_bytes), (1, kind))

    def test_headers_stand_apart(self):
        for model in self.each():
            answer = client().ocr.process(model=model, document=LETTER, extract_header=True, extract_footer=True)
            self.assertIn("Head", answer.pages[0].header)

    def test_what_cannot_be_is_refused(self):
        for model in self.each():
            for document, more in (
                (LETTER | {"document_url": URL[:-3]}, {}),
                (LETTER | {"document_url": "https://a.example/letter.pdf"}, {}),
                ({"type": "file", "file_id": "00edaf84"}, {}),
                (LETTER, {"pages": [7]}),
            ):
                with self.assertRaises(errors.SDKError) as raised:
                    client().ocr.process(model=model, document=document, **more)
                self.assertEqual(raised.exception.status_code, 400)

    def test_an_upload_is_read(self):
        for model in self.each():
            parts = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n' + model.encode()
            parts += b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="letter.pdf"\r\n\r\n' + PDF + b"\r\n--b--\r\n"
            headers = {"authorization": f"Bearer {KEY}", "content-type": "multipart/form-data; boundary=b"}
            with urllib.request.urlopen(urllib.request.Request(f"{BASE_URL}/ocr", parts, headers), timeout=30) as reply:
                self.assertEqual(json.load(reply)["usage_info"]["pages_processed"], 1)
