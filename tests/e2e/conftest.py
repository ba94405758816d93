"""One workspace for all tests here: a clone of the project in which ``python -m tools.demo`` has run once."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tools.demo import PROJECT, run_dvc


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def stages_run(output: str) -> set[str]:
    """The stages that a `dvc repro` with this output ran."""
    return set(re.findall(r"^Running stage '(.+)':$", output, re.MULTILINE))


@dataclass(frozen=True)
class Workspace:
    """A demo workspace whose pipeline is up to date before and after each test."""

    project: Path
    demo_output: str

    @property
    def folder(self) -> Path:
        return self.project / "build" / "demo"

    @property
    def lock(self) -> str:
        return (self.folder / "dvc.lock").read_text(encoding="utf-8")

    def dvc(self, *arguments: str) -> str:
        done = run_dvc(self.folder, *arguments, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    def repro(self, *arguments: str) -> set[str]:
        """Run `dvc repro`; return the stages that it ran."""
        return stages_run(self.dvc("repro", *arguments))

    def downstream(self, stage: str) -> set[str]:
        """The stage and all that read its outputs, directly or not, by DVC's own graph."""
        edges = re.findall(r'"(.+)" -> "(.+)";', self.dvc("dag", "--dot"))
        found, new = {stage}, {stage}
        while new:
            new = {reader for source, reader in edges if source in new} - found
            found |= new
        return found

    @contextmanager
    def changed(self, key: str, value: Any) -> Iterator[None]:
        """Set one parameter for a while, as a user would with an editor."""
        path = self.folder / "params.yaml"
        before = path.read_bytes()
        yaml = YAML()
        params = yaml.load(path)
        *sections, name = key.split(".")
        section = params
        for each in sections:
            section = section[each]
        assert section[name] != value
        section[name] = value
        yaml.dump(params, path)
        try:
            yield
        finally:
            path.write_bytes(before)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Clone the project into a path with spaces and accents, commit it, and run the demo there."""
    project = tmp_path_factory.mktemp("e2e") / "Gefühle und Stimmen"
    (project / ".dvc").mkdir(parents=True)
    names = (".dvc/config", ".dvcignore", ".gitignore", "dvc.yaml", "params.yaml", "params.demo.yaml")
    for name in names:
        shutil.copy(PROJECT / name, project / name)
    for name in ("ser", "stages", "experiments", "tools"):
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(
        project, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "-m", "all"
    )

    done = subprocess.run(
        [sys.executable, "-m", "tools.demo"], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Workspace(project=project, demo_output=done.stdout)
