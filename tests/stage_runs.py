"""Which stages there are, and how tests run one as its command would, in a project of their own."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from stages.layers.copies import voice_of

PROJECT = Path(__file__).parents[1]
SCRIPTS = sorted(
    ".".join(file.relative_to(PROJECT).with_suffix("").parts)
    for file in (*PROJECT.glob("stages/**/*.py"), *PROJECT.glob("experiments/*/*.py"))
    if "command.run(main)" in file.read_text(encoding="utf-8") and file.name != "search.py"
)
"""Modules of all stages, the experiments' too; a search for settings is none."""


def run_in(project: Path, stage: ModuleType, *arguments: str) -> None:
    """Run a stage's ``main`` in a folder; what it raises comes through."""
    # A process keeps the voices that it reads by their paths, which name other recordings in another folder.
    voice_of.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        stage.main()
