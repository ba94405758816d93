"""Options of several subcommands: the model, and the number of parallel jobs."""

import argparse
from collections.abc import Callable
from pathlib import Path

from ser.recognizer.bundle_format import SHIPPED

MOST_JOBS = 64
"""Largest number of threads: more than cores gain nothing, and each takes memory."""


def add_model(parser: argparse.ArgumentParser) -> None:
    """Declare ``--model``, whose default is the package's own."""
    parser.add_argument(
        "--model", type=Path, default=SHIPPED, metavar="FOLDER", help="another exported model"
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
