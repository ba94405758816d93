"""The files around the code: locked packages, make targets, citation, workflow, and what git may hold."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from tools.check_deterministic import CONDITIONS

PROJECT = Path(__file__).resolve().parents[2]
SOUND = (".wav", ".flac", ".mp3", ".ogg", ".m4a", ".aiff", ".zip", ".npy", ".npz", ".parquet")


def read(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def load(name: str) -> Any:
    return YAML(typ="safe").load(read(name))


def locked() -> list[str]:
    """The requirements, each with its hashes on one line."""
    names = ("requirements.txt", "requirements-weights.txt", "requirements-whisper.txt")
    return "".join(map(read, names)).replace("\\\n", " ").splitlines()


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """What git holds or would take in."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("not a git repository")
    return [path for name in listing.stdout.splitlines() if (path := PROJECT / name).is_file()]


def test_every_requirement_is_pinned_by_hash() -> None:
    for line in locked():
        assert re.fullmatch(r"[\w.\[\]-]+==[\w.]+( ; [^\\]+?)?( +--hash=sha256:[0-9a-f]{64})+", line), line


def pins(*, python: str = "3.11") -> dict[str, str]:
    """The pinned version of each package, for a version of Python on Linux."""
    target = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    requirements = (Requirement(line.split(" --hash")[0]) for line in locked())
    return {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in requirements
        if pin.marker is None or pin.marker.evaluate(target)
    }


def test_the_committed_results_were_made_with_the_pinned_packages() -> None:
    machine = json.loads(read("metrics/machine.json"))
    made_with, pinned = machine["packages"], pins(python=machine["python"])
    assert made_with == {name: pinned[canonicalize_name(name)] for name in made_with}, (
        "run make repro with the new packages, then python -m tools.machine > metrics/machine.json"
    )


def test_requirements_cover_the_declared_dependencies() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    # A microphone is for users alone.
    declared = [*project["dependencies"], *(it for name in extras if name != "listen" for it in extras[name])]
    pinned = pins()
    for text in declared:
        wanted = Requirement(text)
        if wanted.name == project["name"]:
            assert {"dev", "listen", *wanted.extras} == extras.keys()
            continue
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), text
    assert "setuptools" in pinned, "the editable install builds with it, without a download"


def test_help_explains_every_target() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", read("Makefile"), flags=re.MULTILINE))
    shown = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    explained = dict(re.findall(r"^  (\S+) +(\S.*)$", shown, flags=re.MULTILINE))
    assert explained.keys() == targets
    assert targets >= {"help", "demo", "repro", "test", "lint"}
    (phony,) = re.findall(r"^\.PHONY: (.*)$", read("Makefile"), flags=re.MULTILINE)
    assert set(phony.split()) == targets


def test_another_python_is_refused(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.txt", "requirements-weights.txt", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    python = tmp_path / "python"
    pretence = "import sys; sys.version_info = (3, 10, 1); sys.version = '3.10.1'; "
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} -c "{pretence}$2"\n')
    python.chmod(0o755)
    made = subprocess.run(
        ["make", "install", f"PYTHON={python}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert made.returncode
    assert f"Python 3.11 to 3.13 is needed, and {python} is 3.10.1" in made.stderr
    assert not (tmp_path / ".venv").exists()


def test_scripts_are_valid_and_executable() -> None:
    script = PROJECT / ".ci" / "run"
    assert script.stat().st_mode & 0o111 == 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_citation_names_the_software_and_its_sources() -> None:
    citation = load("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert citation["authors"]
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert citation["version"] == project["version"]
    # Of the code; the package holds weights as well, which have other licences.
    assert citation["license"] in project["license"].split(" AND ")
    assert citation["title"] == project["name"]
    assert set(citation["keywords"]) <= set(project["keywords"])
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
        assert reference.keys() & {"doi", "url"}
    dois = {reference.get("doi") for reference in citation["references"]}
    assert dois >= {"10.1371/journal.pone.0196391", "10.5281/zenodo.1188976", "10.3390/s21227665"}


def test_the_packages_page_is_short_and_leads_nowhere_inside_the_repository() -> None:
    page = read(tomllib.loads(read("pyproject.toml"))["project"]["readme"])
    assert len(page.splitlines()) <= 40
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert [link for link in links if not link.startswith("https://")] == []
    assert "CC BY-NC-SA 4.0" in page


def test_dataset_card_states_the_licence() -> None:
    _, front, body = read("docs/dataset_card.md").split("---\n", maxsplit=2)
    assert YAML(typ="safe").load(front)["license"] == "cc-by-nc-sa-4.0"
    assert "CC BY-NC-SA 4.0" in body


def test_workflow_is_pinned_and_asks_for_few_rights() -> None:
    workflow = load(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    classifiers = tomllib.loads(read("pyproject.toml"))["project"]["classifiers"]
    versions = [it.rpartition(" ")[2] for it in classifiers if it.startswith("Programming Language")]
    assert workflow["jobs"]["install"]["strategy"]["matrix"]["python"] == versions
    # TensorFlow ends there.
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == versions[:-1]
    made = re.findall(r"^[a-z][\w-]*(?=:)", read("Makefile"), flags=re.MULTILINE)
    for name, job in workflow["jobs"].items():
        writes = [right for right, access in job.get("permissions", {}).items() if access == "write"]
        assert writes == (["pull-requests"] if name == "metrics" else [])
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1")), step
            assert set(re.findall(r"^make (\S+)", step.get("run", ""), flags=re.MULTILINE)) <= set(made)


def test_the_workflow_tries_every_condition_of_a_run() -> None:
    matrix = load(".github/workflows/ci.yml")["jobs"]["deterministic"]["strategy"]["matrix"]
    assert " ".join(matrix["conditions"]).split() == list(CONDITIONS)


def test_git_holds_no_recording(tracked: list[Path]) -> None:
    found = [path for path in tracked if path.suffix.lower() in SOUND]
    # Arrays may be features of recordings; those of the exported models are not.
    assert [path for path in found if path.parent != PROJECT / "ser" / "bundle"] == []


def test_git_holds_no_path_of_a_machine_and_no_package_index(tracked: list[Path]) -> None:
    forbidden = re.compile(rb"(?<![\w.])/(work|root|home|Users)/\w|--(extra-)?index-url|pypi\.org|/simple/")
    found = {
        f"{path.relative_to(PROJECT)}: {match[0].decode()}"
        for path in tracked
        if path != Path(__file__).resolve()
        for match in forbidden.finditer(path.read_bytes())
    }
    assert found == set()
