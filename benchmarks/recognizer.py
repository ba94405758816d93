"""Measure `ser predict`: cold start, a folder's throughput, long recordings and memory; beside others.

  python -m benchmarks.recognizer --recordings $RAVDESS_DIR
  python -m benchmarks.recognizer --nkululeko ELSEWHERE/bin/python    with nkululeko on the same files
  python -m benchmarks.recognizer --before COMMIT                     with an earlier commit's `ser predict`

Every case is a process of its own, timed from start to end. All take turns, in rounds, so that the ratios
hold even where the machine is busy; for absolute figures leave it idle. The recordings are first copied as
16-bit WAV and FLAC to a temporary folder, which needs 1 GB for an hour's recording and is removed at the end.
The results go to benchmarks/results/recognizer.json, the tables to the screen and to benchmarks/README.md.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import soundfile

from benchmarks import nkululeko_predict
from benchmarks.cases import PROJECT, Case, run_rounds
from benchmarks.recordings import Recordings, write_long, write_recordings
from benchmarks.tables import tables, write_page
from ser.cli.options import whole_number
from ser.errors import InputError
from ser.files import write_json
from stages import command
from tools import machine

RESULTS = Path(__file__).parent / "results" / "recognizer.json"
PAGE = Path(__file__).parent / "README.md"
PACKAGES = ("numpy", "onnxruntime", "soundfile", "soxr")
"""With which `ser predict` computes."""

_PYTHON = sys.executable
_SER = (_PYTHON, "-m", "ser.cli", "predict")


def options(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = command.parser(__doc__)
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
        default=240,
        metavar="N",
        help="recordings, evenly spread over the folder (default: 240)",
    )
    parser.add_argument(
        "--repeats", type=whole_number(1, 1000), default=5, metavar="N", help="rounds (default: 5)"
    )
    parser.add_argument(
        "--long-repeats",
        type=whole_number(1, 1000),
        default=2,
        metavar="N",
        help="rounds with the long recordings, which take minutes (default: 2)",
    )
    parser.add_argument(
        "--minutes",
        type=_minutes,
        nargs=2,
        default=[10.0, 60.0],
        metavar=("SHORTER", "LONGER"),
        help="length of the two long recordings, whose memory is compared (default: 10 60)",
    )
    parser.add_argument(
        "--nkululeko",
        type=Path,
        metavar="PYTHON",
        help="measure nkululeko too: the Python of an environment which has it",
    )
    parser.add_argument(
        "--before", metavar="COMMIT", help="measure `ser predict` of a commit, too, with the packages of now"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="where to write them")
    return parser.parse_args(argv)


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0.05 <= minutes <= 600:
        raise argparse.ArgumentTypeError(f"must be from 0.05 to 600 minutes, got {text}")
    return minutes


def own_cases(
    folder: Path, recordings: dict[str, Recordings], *, minutes: Sequence[float], long_rounds: int
) -> list[Case]:
    """List what is measured of this project; long recordings are written to `folder`."""
    wav, flac = recordings["wav"], recordings["flac"]
    one = wav.files[0]
    cases = [
        Case("python", (_PYTHON, "-c", "pass")),
        Case("imports", (_PYTHON, "-c", "import ser.cli.predict")),
        Case("one_file", (*_SER, str(one)), 1, soundfile.info(one).duration),
    ]
    for name, chosen, jobs in (
        ("folder_jobs_1", wav, "1"),
        ("folder_jobs_2", wav, "2"),
        ("folder_flac", flac, "2"),
    ):
        predict = (*_SER, str(chosen.folder), "--jobs", jobs)
        cases.append(Case(name, predict, len(chosen.files), chosen.audio_s))
    for number, length in enumerate(minutes, start=1):
        path = folder / f"long_{number}.wav"
        seconds = write_long(path, wav, minutes=length)
        cases.append(Case(f"long_{number}", (*_SER, str(path)), 1, seconds, rounds=long_rounds))
    return cases


def earlier_cases(folder: Path, wav: Recordings, commit: str, *, long_rounds: int) -> list[Case]:
    """List what is measured of an earlier commit, which is cloned to `folder`.

    Parameters
    ----------
    folder
        Where its clone is put, and the long recording is.
    wav
        The recordings.
    commit
        By any name that git knows.
    long_rounds
        In how many rounds the long recording takes part.

    Raises
    ------
    InputError
        Where git has no such commit.
    """
    clone = folder / "before"
    for command_line in (
        ["clone", "--quiet", "--shared", "--no-checkout", str(PROJECT), str(clone)],
        ["-C", str(clone), "checkout", "--quiet", "--detach", commit],
    ):
        if subprocess.run(["git", *command_line], check=False).returncode:
            raise InputError(f"--before {commit}: git cannot check it out")
    variables = {"PYTHONPATH": str(clone)}
    one, long = wav.files[0], folder / "long_1.wav"
    inputs = {
        "one_file": (str(one), 1, soundfile.info(one).duration, None),
        "folder_jobs_1": (str(wav.folder), len(wav.files), wav.audio_s, None),
        "long_1": (str(long), 1, soundfile.info(long).duration, long_rounds),
    }
    return [
        Case(f"before_{name}", (*_SER, path), number, audio_s, rounds=rounds, variables=variables)
        for name, (path, number, audio_s, rounds) in inputs.items()
    ]


def describe_machine(*, packages: Sequence[str] = PACKAGES, nkululeko: Path | None) -> dict[str, Any]:
    """Describe what the figures depend on, and how busy the machine is.

    Parameters
    ----------
    packages
        Whose versions matter.
    nkululeko
        The Python of an environment that has it.
    """
    cpu = machine.describe()["cpu"]
    versions = {name: version(name) for name in packages}
    if nkululeko is not None:
        versions["nkululeko"] = nkululeko_predict.version_in(nkululeko)
    return {
        "cpu": kind_of(cpu),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": versions,
    }


def kind_of(cpu: Mapping[str, str]) -> str:
    """Name a CPU of `tools.machine`; a virtual machine's name alone may stand for many years' processors."""
    if "cpu family" in cpu and "model" in cpu:
        return f"{cpu.get('model name', 'CPU')} (family {cpu['cpu family']}, model {cpu['model']})"
    return cpu.get("model name", cpu["architecture"])


def benchmark(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Prepare everything in a folder, then measure.

    Returns
    -------
    dict
        ``machine``, ``recordings``, and ``cases`` as of `run_rounds`.
    """
    facts = describe_machine(nkululeko=arguments.nkululeko)
    recordings = write_recordings(
        folder / "recordings", source=arguments.recordings, at_most=arguments.at_most
    )
    wav = recordings["wav"]
    cases = own_cases(folder, recordings, minutes=arguments.minutes, long_rounds=arguments.long_repeats)
    if arguments.before is not None:
        facts["before"] = arguments.before
        cases += earlier_cases(folder, wav, arguments.before, long_rounds=arguments.long_repeats)
    if arguments.nkululeko is not None:
        nkululeko_predict.train(folder / "nkululeko", python=arguments.nkululeko)
        cases += nkululeko_predict.cases(folder / "nkululeko", wav, python=arguments.nkululeko)
    measured = run_rounds(
        cases, rounds=arguments.repeats, tell=lambda line: print(line, file=sys.stderr, flush=True)
    )
    about = {
        "number": len(wav.files),
        "audio_s": wav.audio_s,
        "sample_rate": wav.sample_rate,
        "synthetic": arguments.recordings is None,
    }
    return {"machine": facts, "recordings": about, "cases": measured}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, write the results, and show them."""
    arguments = options(argv)
    with tempfile.TemporaryDirectory(prefix="ser_benchmark_") as folder:
        results = benchmark(arguments, Path(folder))
    write_json(arguments.results, results)
    if arguments.results == RESULTS:
        write_page(PAGE, results)
    print(tables(results))


if __name__ == "__main__":
    command.run(main)
