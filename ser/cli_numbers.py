"""Whole numbers on a command line; one out of range is refused with what it may be."""

import argparse
from collections.abc import Callable


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """Make a ``type`` for argparse.

    Parameters
    ----------
    lowest, highest
        Both are allowed.
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
