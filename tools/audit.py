"""Fail where a pinned package has a known vulnerability; say so in one line where nobody could be asked.

pip-audit asks the package index about every pin of the requirements files. Without a network it fails, and
where a mirror of the index answers that knows of no vulnerabilities, it skips every package and then reports
that none was found: its report is read, not its exit code.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass

from ser.errors import InputError, list_problems
from stages import command

REQUIREMENTS = ("requirements.txt", "requirements-weights.txt", "requirements-whisper.txt")
TIMEOUT_S = 5
"""For each package; an index that is there answers in a fraction of it."""

# Not pip-audit's ServiceError: an index that answers, but with an error, was reached.
_UNREACHABLE = re.compile(r"ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|Could not connect")
_REASON = re.compile(r"^\S+: .+$", re.MULTILINE)
"""The last line of a traceback, if it says more than the error's name."""


@dataclass(frozen=True)
class Audit:
    """Result of pip-audit.

    Attributes
    ----------
    checked, unknown : int
        Number of packages with data, and of packages without any.
    vulnerabilities : tuple of str
        A line for each known vulnerability.
    """

    checked: int
    unknown: int
    vulnerabilities: tuple[str, ...] = ()


def read(report: str, complaints: str) -> Audit:
    """Read what pip-audit printed.

    Parameters
    ----------
    report
        Standard output of pip-audit: JSON, or nothing where it failed.
    complaints
        Standard error of pip-audit, with its reason where it failed.

    Raises
    ------
    InputError
        Where it failed, and not because the index could not be reached.
    """
    if not report.strip():
        if _UNREACHABLE.search(complaints):
            return Audit(checked=0, unknown=0)
        lines = _REASON.findall(complaints) or complaints.strip().splitlines() or ["no reason given"]
        raise InputError(f"pip-audit failed: {lines[-1]}")
    packages = json.loads(report)["dependencies"]
    found = [
        f"{package['name']} {package['version']}: {it['id']}, {_fixed(it['fix_versions'])}"
        for package in packages
        for it in package.get("vulns", ())
    ]
    unknown = sum("skip_reason" in package for package in packages)
    return Audit(len(packages) - unknown, unknown, tuple(found))


def summary(audit: Audit) -> str:
    """Say in one line what was checked.

    Raises
    ------
    InputError
        Where there are vulnerabilities; it names each.
    """
    if audit.vulnerabilities:
        heading = "packages with known vulnerabilities; take newer ones with make lock LOCK=--upgrade"
        raise list_problems(heading, list(audit.vulnerabilities))
    if not audit.checked:
        return "pip-audit: not checked, no data on vulnerabilities can be reached from here"
    rest = f"; no data on {audit.unknown} more" if audit.unknown else ""
    packages = "1 package" if audit.checked == 1 else f"{audit.checked} packages"
    return f"pip-audit: no known vulnerability in {packages}{rest}"


def _fixed(versions: list[str]) -> str:
    return f"fixed in {', '.join(versions)}" if versions else "not fixed in any version yet"


def main() -> None:
    """Ask, and print the summary."""
    files = [argument for name in REQUIREMENTS for argument in ("--requirement", name)]
    options = ["--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    asked = [sys.executable, "-m", "pip_audit", *files, *options, "--timeout", str(TIMEOUT_S)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    print(summary(read(done.stdout, done.stderr)))


if __name__ == "__main__":
    command.run(main)
