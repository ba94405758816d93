"""Outcomes of the trials, kept line by line, so that a run that is broken off can go on."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.crash_safety.fault_injection import Outcome, Trial


@dataclass(frozen=True)
class Journal:
    """A file with a line of JSON for each outcome."""

    path: Path

    def start(self) -> list[Outcome]:
        """Begin with none."""
        self.path.write_text("", encoding="utf-8")
        return []

    def add(self, outcome: Outcome) -> None:
        """Keep one more."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(outcome)) + "\n")

    def read(self) -> list[Outcome]:
        """All that were kept."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").splitlines()
        contents = [json.loads(line) for line in lines]
        return [Outcome(**{**content, "trial": Trial(**content["trial"])}) for content in contents]
