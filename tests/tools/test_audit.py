"""What `make lint` makes of pip-audit's answers, as captured from its version 2.10."""

import json
from collections.abc import Mapping

import pytest

from ser.errors import InputError
from tools.audit import read, summary

CLEAN = {"name": "joblib", "version": "1.5.2", "vulns": []}
# What it says of every package where a mirror stands in for the index; its exit code is then 0.
UNKNOWN = {
    "name": "dvc",
    "skip_reason": "Dependency not found on PyPI and could not be audited: dvc (3.67.1)",
}
VULNERABLE = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [
        {"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"], "aliases": ["CVE-2014-1402"], "description": "..."},
        {"id": "PYSEC-2099-1", "fix_versions": [], "aliases": [], "description": "..."},
    ],
}


def report(*packages: Mapping[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_vulnerability_is_named_with_what_fixes_it() -> None:
    with pytest.raises(InputError) as caught:
        summary(read(report(CLEAN, UNKNOWN, VULNERABLE), "Found 2 known vulnerabilities in 1 package"))
    _, *lines = str(caught.value).splitlines()
    assert lines == [
        "  jinja2 2.4.1: PYSEC-2014-8, fixed in 2.7.2",
        "  jinja2 2.4.1: PYSEC-2099-1, not fixed in any version yet",
    ]


def test_what_was_checked_is_counted() -> None:
    said = summary(read(report(CLEAN, CLEAN, UNKNOWN), "No known vulnerabilities found"))
    assert said == "pip-audit: no known vulnerability in 2 packages; no data on 1 more"
    assert summary(read(report(CLEAN), "")) == "pip-audit: no known vulnerability in 1 package"


def test_packages_that_were_all_skipped_were_not_checked() -> None:
    said = summary(read(report(UNKNOWN, UNKNOWN), "No known vulnerabilities found"))
    assert said == "pip-audit: not checked, no data on vulnerabilities can be reached from here"


@pytest.mark.parametrize(
    "complaints",
    [
        "Traceback (most recent call last):\n"
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='index.example'): Max retries",
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\n"
        "ERROR:pip_audit._cli:Tip: your network may be blocking this service. Try another service",
        "Traceback (most recent call last):\nrequests.exceptions.ReadTimeout: HTTPSConnectionPool: timed out",
    ],
)
def test_without_a_network_it_says_so_in_a_line(complaints: str) -> None:
    said = summary(read("", complaints))
    assert "not checked" in said
    assert "\n" not in said


SERVICE_FAILED = """Traceback (most recent call last):
  File "pip_audit/_service/pypi.py", line 65, in query
    response.raise_for_status()
requests.exceptions.HTTPError: {status} for url: https://index.example/pypi/resemblyzer/0.1.4/json

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "pip_audit/_service/pypi.py", line 86, in query
    raise ServiceError from http_error
pip_audit._service.interface.ServiceError
"""


@pytest.mark.parametrize(
    ("complaints", "reason"),
    [
        ("ERROR:pip_audit._cli:requirement dvc is unhashed\n", r"ERROR:.*dvc is unhashed"),
        (SERVICE_FAILED.format(status="503 Server Error: Service Unavailable"), r"\S+HTTPError: 503 Server"),
        (SERVICE_FAILED.format(status="403 Client Error: Forbidden"), r"\S+HTTPError: 403 Client Error"),
        (
            "Traceback (most recent call last):\n"
            "pip_audit._service.interface.ServiceError: Received malformed version from PyPI: x",
            r"\S+ServiceError: Received malformed version from PyPI: x",
        ),
        ("", "no reason given"),
    ],
)
def test_any_other_failure_is_an_error(complaints: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"^pip-audit failed: {reason}"):
        read("", complaints)
