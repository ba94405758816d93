"""Measure the pipeline side by side with other ways to do the same: time, CPU and peak memory.

  python -m benchmarks.pipeline                          all subjects that what is here allows
  python -m benchmarks.pipeline --only features training
  python -m benchmarks.pipeline --nkululeko ELSEWHERE/bin/python    with nkululeko on the same fold

The cases of a subject take turns, in rounds, so that the ratios hold even where the machine is busy; for
absolute figures leave it idle. Networks and the whole pipeline are measured on the results of `make repro` in
--workspace; where there are none, they are left out, and it says so. The results go to
metrics/benchmarks.json, where those of subjects that were not asked for stay, the tables to the screen and to
benchmarks/README.md. On 2 cores `rebuild` takes most of an hour, and training, lighter and whole half of one
each.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import article, augmentation, features, lighter, rebuild, scale, subjects, training, whole
from benchmarks.cases import PROJECT
from benchmarks.recognizer import describe_machine
from benchmarks.recordings import write_recordings
from benchmarks.subjects import Results, Subject
from benchmarks.tables import where
from ser.cli.options import whole_number
from ser.errors import InputError
from ser.files import write_json
from ser.params import load_params
from stages import command
from tools import machine
from tools.pages.marked_blocks import fill_blocks

RESULTS = PROJECT / "metrics" / "benchmarks.json"
PAGE = Path(__file__).parent / "README.md"
PACKAGES = (*machine.PACKAGES, "dvc")
"""On which the pipeline's times depend."""


def options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "--only", nargs="+", choices=list(SUBJECTS), help="(default: all that can be measured here)"
    )
    parser.add_argument(
        "--recordings",
        type=Path,
        default=os.environ.get("RAVDESS_DIR") or None,
        metavar="FOLDER",
        help="the recordings (default: RAVDESS_DIR; where that is not set, synthetic clips)",
    )
    parser.add_argument(
        "--at-most",
        type=whole_number(2, 100_000),
        default=120,
        metavar="N",
        help="recordings, evenly spread over the folder (default: 120)",
    )
    parser.add_argument(
        "--rounds",
        type=whole_number(1, 1000),
        default=3,
        metavar="N",
        help="of all but lighter and rebuild, which have one (default: 3)",
    )
    parser.add_argument(
        "--workspace",
        type=Path,
        default=PROJECT,
        metavar="FOLDER",
        help="a clone with the results of `make repro` (default: this one)",
    )
    parser.add_argument(
        "--nkululeko",
        type=Path,
        metavar="PYTHON",
        help="measure nkululeko too: the Python of an environment which has it",
    )
    parser.add_argument("--before", metavar="COMMIT", help="rebuild with this one, too; half an hour")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="where to write them")
    arguments = parser.parse_args(argv)
    if arguments.before and "rebuild" not in (arguments.only or SUBJECTS):
        parser.error("--before: is of rebuild alone, which is not in --only")
    return arguments


def _recordings(arguments: argparse.Namespace, folder: Path) -> tuple[Path, ...]:
    recordings = write_recordings(
        folder / "recordings", source=arguments.recordings, at_most=arguments.at_most
    )
    return recordings["wav"].files


def _kind(arguments: argparse.Namespace) -> str:
    return "recordings" if arguments.recordings else "synthetic clips"


def _features(arguments: argparse.Namespace, folder: Path) -> Subject:
    files, params = _recordings(arguments, folder), load_params(PROJECT / "params.yaml")
    kind = _kind(arguments)
    return features.subject(files, folder, rounds=arguments.rounds, params=params, kind=kind)


def _augmentation(arguments: argparse.Namespace, folder: Path) -> Subject:
    files, params = _recordings(arguments, folder), load_params(PROJECT / "params.yaml")
    kind = _kind(arguments)
    return augmentation.subject(files, folder, rounds=arguments.rounds, params=params, kind=kind)


def _training(arguments: argparse.Namespace, folder: Path) -> Subject:
    return training.subject(folder, workspace=arguments.workspace, rounds=arguments.rounds)


def _lighter(arguments: argparse.Namespace, folder: Path) -> Subject:
    return lighter.subject(folder, workspace=arguments.workspace)


def _article(arguments: argparse.Namespace, folder: Path) -> Subject:
    return article.subject(folder, workspace=arguments.workspace, rounds=arguments.rounds)


def _whole(arguments: argparse.Namespace, folder: Path) -> Subject:
    return whole.subject(
        folder, workspace=arguments.workspace, rounds=arguments.rounds, nkululeko=arguments.nkululeko
    )


def _rebuild(arguments: argparse.Namespace, folder: Path) -> Subject:
    return rebuild.subject(folder, workspace=arguments.workspace, before=arguments.before)


def _scale(arguments: argparse.Namespace, folder: Path) -> Subject:
    return scale.subject(folder, rounds=arguments.rounds)


SUBJECTS: dict[str, Callable[[argparse.Namespace, Path], Subject]] = {
    "features": _features,
    "augmentation": _augmentation,
    "training": _training,
    "lighter": _lighter,
    "article": _article,
    "whole": _whole,
    "rebuild": _rebuild,
    "scale": _scale,
}


def benchmark(arguments: argparse.Namespace) -> tuple[dict[str, Results], list[str]]:
    """Measure the subjects that were asked for; each is written as soon as it is measured.

    Returns
    -------
    results : dict
        By subject, with those measured before.
    failed : list of str
        Subjects that were asked for by name and cannot be measured here, and those that failed.
    """
    path: Path = arguments.results
    results: dict[str, Results] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    failed = []
    for name in arguments.only or SUBJECTS:
        facts = describe_machine(packages=PACKAGES, nkululeko=arguments.nkululeko)
        with tempfile.TemporaryDirectory(prefix="ser_benchmark_") as folder:
            try:
                subject = SUBJECTS[name](arguments, Path(folder))
            except InputError as error:
                _tell(f"{name}: left out: {error}")
                failed += [name] if arguments.only else []
                continue
            try:
                measured = subjects.measure(subject, tell=_tell)
            except InputError as error:
                _tell(f"{name}: not measured: {error}")
                failed.append(name)
                continue
        results[name] = {"machine": facts, **measured}
        results = {subject: results[subject] for subject in SUBJECTS if subject in results}
        write_json(path, results)
    return results, failed


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def page(results: dict[str, Results]) -> str:
    """Write all results as Markdown."""
    blocks = []
    for result in results.values():
        blocks.append(f"{subjects.tables(result)}\n\n{where(result['machine'])}")
    return "\n\n".join(blocks)


def fill(text: str, results: dict[str, Results]) -> str:
    """Replace the marked block ``pipeline`` of a page; the others stay as they are."""
    return fill_blocks(text, {"pipeline": page(results)}.get)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, write the results, and show them; fail where a subject could not be measured."""
    arguments = options(argv)
    results, failed = benchmark(arguments)
    if arguments.results == RESULTS:
        PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    print(page({name: result for name, result in results.items() if name in (arguments.only or SUBJECTS)}))
    if failed:
        raise InputError(f"not measured, for what is told above: {', '.join(failed)}")


if __name__ == "__main__":
    command.run(main)
