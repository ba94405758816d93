"""Options of several subcommands: the model, how it listens, and the number of parallel jobs."""

import argparse
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ser.features.whisper_front_end import LONGEST_S
from ser.recognizer.bundle_format import GENERAL, RAVDESS, SHIPPED, ExportedModel, read_bundle
from ser.recognizer.speaker_profiles import default_folder

if TYPE_CHECKING:
    from ser.recognizer.recognizer import Recognizer

MOST_JOBS = 64
"""Largest number of threads: more than cores gain nothing, and each takes memory."""

SHORTEST_WINDOW_S = 1.5
"""Least ``--window``, in seconds: an answer with less than a second of speech is "not sure"."""


def add_model(parser: argparse.ArgumentParser) -> None:
    """Declare ``--model``, a name, and ``--bundle``, whose default is the package's own."""
    parser.add_argument(
        "--model",
        metavar="NAME",
        help=f"{GENERAL} (the default), or {RAVDESS}, which was trained on RAVDESS alone",
    )
    parser.add_argument(
        "--bundle", type=Path, default=SHIPPED, metavar="FOLDER", help="other exported models"
    )


def add_listening(parser: argparse.ArgumentParser) -> None:
    """Declare ``--threshold``, ``--window`` and ``--hop``, for `load_recognizer`."""
    group = parser.add_argument_group("how it listens")
    group.add_argument(
        "--threshold",
        type=number(0, 1),
        metavar="P",
        help='probability from 0 to 1 below which an answer is "not sure" (default: the model\'s, which is '
        f"0.59 of {GENERAL} and 0.66 of {RAVDESS})",
    )
    group.add_argument(
        "--window",
        type=number(SHORTEST_WINDOW_S, LONGEST_S),
        metavar="S",
        help=f"length of the windows of a long recording, in seconds, {SHORTEST_WINDOW_S:g} or more; longer "
        "ones are surer, and blur what changes (default: 3)",
    )
    group.add_argument(
        "--hop",
        type=number(0.1, LONGEST_S),
        metavar="S",
        help="time from one window to the next, in seconds, which divides --window; shorter ones place "
        "changes better, and take longer (default: 1)",
    )


def load_recognizer(arguments: argparse.Namespace) -> "Recognizer":
    """Load the model that is asked for, with the settings of `add_listening`.

    Parameters
    ----------
    arguments
        What `add_model` and `add_listening` declare.

    Raises
    ------
    InputError
        Where the bundle is damaged or has no such model.
    """
    # Loaded here: to print a command's help takes none of it.
    from ser.recognizer.recognizer import Recognizer

    if arguments.threshold is None and arguments.window is None and arguments.hop is None:
        return Recognizer.load(arguments.bundle, model=arguments.model)
    bundle = read_bundle(arguments.bundle)
    window_s = bundle.listening.window_s if arguments.window is None else arguments.window
    hop_s = bundle.listening.hop_s if arguments.hop is None else arguments.hop
    times = round(window_s / hop_s)
    if times < 1 or not math.isclose(times * hop_s, window_s, rel_tol=1e-6):
        arguments.usage_error(
            f"--hop {hop_s:g} does not divide --window {window_s:g}; give {_divisors(window_s)}"
        )
    models = bundle.models
    if arguments.threshold is not None:
        models = {name: _with_threshold(it, arguments.threshold) for name, it in models.items()}
    listening = replace(bundle.listening, window_s=window_s, hop_s=hop_s)
    return Recognizer(replace(bundle, listening=listening, models=models), model=arguments.model)


def _divisors(window_s: float) -> str:
    return " or ".join(f"{window_s / times:.6g}" for times in (1, 2, 3))


def _with_threshold(model: ExportedModel, likely_from: float) -> ExportedModel:
    thresholds = model.thresholds
    sure_from = max(thresholds.sure_from, likely_from)
    return replace(model, thresholds=replace(thresholds, likely_from=likely_from, sure_from=sure_from))


def add_profiles(parser: argparse.ArgumentParser) -> None:
    """Declare ``--profiles``, the folder of enrolled speakers."""
    folder = default_folder()
    parser.add_argument(
        "--profiles", type=Path, default=folder, metavar="FOLDER", help=f"of speakers (default: {folder})"
    )


def add_jobs(parser: argparse.ArgumentParser, *, default: int | None = 1, told: str = "1") -> None:
    """Declare ``--jobs``, the number of recordings that are recognised in parallel.

    Parameters
    ----------
    parser
        Argument parser of the subcommand.
    default, told
        Number of jobs without the option, and its text in the help.
    """
    parser.add_argument(
        "--jobs",
        type=whole_number(1, MOST_JOBS),
        default=default,
        metavar="N",
        help=f"recordings side by side (default: {told})",
    )


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """Make a ``type`` for argparse; a number out of range is refused with what it may be.

    Parameters
    ----------
    lowest, highest
        Ends of the range, both of them allowed.
    """

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if not lowest <= number <= highest:
            raise argparse.ArgumentTypeError(f"must be a number from {lowest} to {highest}, got {text}")
        return number

    return read


def number(lowest: float, highest: float) -> Callable[[str], float]:
    """Make a ``type`` for argparse as `whole_number` does, of any number from `lowest` to `highest`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"must be a number from {lowest:g} to {highest:g}, got {text}")
        return value

    return read
