"""Measure what an installation takes: this package's, beside those of others that answer for a recording.

  python -m benchmarks.install

Each is installed by pip into an empty environment of its own, without pip's cache, one after the other, and
deleted. Megabytes are those of all files of the environment, less those of an empty one. Weights that others
download when they are first used come on top, and are not counted; this package's are part of it. Seconds
include the download, so that they hold for one way to one index.
"""

import argparse
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import run
from typing import Any

from benchmarks.recognizer import describe_machine
from ser.files import write_json
from stages import command
from tools.pages.marked_blocks import fill_blocks

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks" / "results" / "install.json"
PAGE = PROJECT / "benchmarks" / "README.md"
PACKAGES: dict[str, tuple[str, ...]] = {
    "this package": (str(PROJECT),),
    "this package, with `ser serve`": (f"{PROJECT}[serve]",),
    "nkululeko": ("nkululeko",),
    "a `transformers` pipeline": ("transformers[torch]",),
}
"""What pip is asked for, by the name of the row."""


def size(folder: Path) -> int:
    """Add up all files in a folder, in bytes; links are not followed."""
    return sum(it.lstat().st_size for it in folder.rglob("*") if it.is_file())


def measure(requirements: Sequence[str]) -> dict[str, float]:
    """Install requirements into an empty environment.

    Returns
    -------
    dict
        ``wall_s`` that pip took, and ``bytes`` that it added.
    """
    with tempfile.TemporaryDirectory(prefix="ser_install_") as folder:
        venv.create(folder, with_pip=True)
        before = size(Path(folder))
        start = time.perf_counter()
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "--no-cache-dir"]
        run([*pip, *requirements], check=True)
        return {"wall_s": time.perf_counter() - start, "bytes": size(Path(folder)) - before}


def table(results: Mapping[str, Any]) -> str:
    """Draw the results in Markdown, with ratios to the first."""
    own = next(iter(results["installed"].values()))
    machine = results["machine"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores; Python {machine['python']}.",
        "",
        "| installed | MB | s | MB, in those of this package | s, in those of this package |",
        "|---|---|---|---|---|",
    ]
    for name, it in results["installed"].items():
        ratios = (f"{it[key] / own[key]:.1f}" for key in ("bytes", "wall_s"))
        lines.append(f"| {name} | {it['bytes'] / 1e6:,.0f} | {it['wall_s']:.0f} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure each, write the results, and show them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    results: dict[str, Any] = {"machine": describe_machine(packages=["pip"], nkululeko=None), "installed": {}}
    for name, requirements in PACKAGES.items():
        print(f"installing {name}", flush=True)
        results["installed"][name] = measure(requirements)
    write_json(RESULTS, results)
    filled = fill_blocks(PAGE.read_text(encoding="utf-8"), {"install": table(results)}.get)
    PAGE.write_text(filled, encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    command.run(main)
