"""Odd requests: `ser serve` answers each as its own description says, and never with an error of its own."""

import json
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import example, given
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from ser.recognizer.recognizer import Recognizer
from ser.web.answers import Answer
from ser.web.app import create_app
from ser.web.limits import Limits

from .bounds import LONGEST_LINE, Bounded
from .bounds import bounded as bounded
from .mutations import files

LIMITS = Limits(largest_bytes=200_000, longest_s=10.0)
CONTENT = files() | st.binary(max_size=300)
# Not the checks of which data must be refused or taken: what a sound is, no schema tells.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

schemathesis.openapi.media_type("audio/*", CONTENT)
schemathesis.openapi.media_type("application/octet-stream", CONTENT)


@pytest.fixture(scope="module")
def recognizer(bundle_folder: Path) -> Recognizer:
    return Recognizer.load(bundle_folder)


@pytest.fixture(scope="module")
def described(recognizer: Recognizer) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(recognizer, LIMITS))


@pytest.fixture(scope="module")
def client(recognizer: Recognizer) -> Iterator[TestClient]:
    with TestClient(create_app(recognizer, LIMITS), raise_server_exceptions=True) as client:
        yield client


@pytest.mark.parametrize("mode", list(GenerationMode))
@given(data=st.data())
def test_the_description_is_kept(
    mode: GenerationMode, data: st.DataObject, described: schemathesis.BaseSchema, bounded: Bounded
) -> None:
    operations = [it.ok() for it in described.get_all_operations() if isinstance(it, Ok)]
    assert len(operations) == 5
    case = data.draw(st.one_of([it.as_strategy(mode) for it in operations]))
    with bounded():
        case.call_and_validate(checks=CHECKS)


HEADERS = st.dictionaries(
    st.sampled_from(
        ["content-type", "accept", "sec-fetch-site", "range", "origin", "x-forwarded-for", "cookie"]
    ),
    st.text(string.printable.strip(), max_size=40)
    | st.sampled_from(
        [
            *("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"),
            *(
                "multipart/form-data; charset=utf-99; boundary=x",
                "audio/wav",
                "application/json",
                "cross-site",
            ),
        ]
    ),
    max_size=3,
)
FORM = '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n{}\r\n\r\nRIFF\r\n--x--\r\n'
MULTIPART = {"content-type": "multipart/form-data; boundary=x"}


@given(
    content=CONTENT | st.text().map(lambda it: FORM.format(it).encode(errors="replace")),
    name=st.text(max_size=40),
    picture=st.sampled_from(["true", "false", "perhaps", ""]),
    headers=HEADERS,
)
@example(content=b"--x\r\n", name="a", picture="true", headers=MULTIPART)
@example(content=b"", name="\n", picture="", headers={"content-type": "multipart/form-data; boundary="})
def test_any_body_is_answered_or_refused(
    content: bytes, name: str, picture: str, headers: dict[str, str], client: TestClient, bounded: Bounded
) -> None:
    with bounded():
        asked = {"name": name, "picture": picture}
        response = client.post("/api/recognize", content=content, params=asked, headers=headers)
    if response.status_code == 200:
        Answer.model_validate(response.json())
        return
    assert response.status_code in (403, 413, 415, 422)
    check_refusal(response.text)


@given(content=CONTENT, name=st.text(max_size=40))
def test_any_form_is_answered_or_refused(
    content: bytes, name: str, client: TestClient, bounded: Bounded
) -> None:
    with bounded():
        response = client.post("/api/recognize", files={"file": (name, content)})
    if response.status_code != 200:
        assert response.status_code in (413, 415, 422)
        check_refusal(response.text)


def check_refusal(text: str) -> None:
    answer = json.loads(text)
    assert list(answer) == ["detail", "outcome"]
    assert answer["outcome"] in ("no_speech", "error")
    assert answer["detail"].isprintable()
    assert 0 < len(answer["detail"]) < LONGEST_LINE
