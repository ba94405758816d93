"""How tests run a stage as its command would, in a project of their own."""

import sys
from pathlib import Path
from types import ModuleType

import pytest


def run_in(project: Path, stage: ModuleType, *arguments: str) -> None:
    """Run a stage's ``main`` in a folder; what it raises comes through."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        stage.main()
