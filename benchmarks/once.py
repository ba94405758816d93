"""One case of the pipeline's benchmark: ``python -m benchmarks.once SUBJECT CASE FIGURES.json [MORE ...]``.

Calls ``benchmarks.SUBJECT.run_once(CASE, *MORE)`` and writes the figures that it returns.
"""

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.cases import Case


def case_of(
    subject: str,
    case: str,
    *more: str,
    folder: Path,
    rounds: int | None = None,
    variables: Mapping[str, str] | None = None,
) -> Case:
    """Make the case that runs this module for a subject; its figures go to a file in `folder`."""
    figures = folder / f"{subject}_{case}.json"
    return Case(
        case,
        (sys.executable, "-m", "benchmarks.once", subject, case, str(figures), *more),
        rounds=rounds,
        figures=figures,
        variables=variables or {},
    )


if __name__ == "__main__":
    subject, case, figures, *more = sys.argv[1:]
    taken = importlib.import_module(f"benchmarks.{subject}").run_once(case, *more)
    Path(figures).write_text(json.dumps(taken), encoding="utf-8")
