"""Errors that a user can repair: the message names the file or key and says what to do."""

import errno

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system calls a full disk, a quota that is used up, and a file larger than allowed."""


class InputError(Exception):
    """An input is missing, malformed or out of range; the message is written for the user."""


class UndecodableError(InputError):
    """A file may be a sound, but not one that can be decoded here; another program may read it."""


class NoSpeechError(InputError):
    """A readable recording without speech: too short, silent, or with other sounds alone."""


def list_problems(heading: str, problems: list[str], *, shown: int = 50) -> InputError:
    """Gather many problems into one error, so that a user can repair all of them at once.

    Parameters
    ----------
    heading
        Sentence that names what was checked, and says what to do.
    problems
        A line for each problem; sorted in the message.
    shown
        Largest number of lines in the message; the rest is only counted.

    Returns
    -------
    InputError
        To be raised by the caller.
    """
    lines = sorted(problems)
    rest = [f"... and {len(lines) - shown} more"] if len(lines) > shown else []
    count = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    return InputError("\n  ".join([f"{heading} ({count}):", *lines[:shown], *rest]))
