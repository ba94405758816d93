"""Enrol a speaker, so that `ser predict --speaker NAME` adapts to the voice.

  ser enrol anna anna/*.wav       eight recordings or more, of several emotions, that need no labels
  ser enrol anna anna/ --replace  anew, with other recordings

The profile is a small file with sums alone: no recording, no feature, no emotion of any recording. It serves
the model that it was made with. Its path and the number of windows of speech are printed.

exit codes:
  0  the profile was written             1  it was not, or some name stands for no recording
  2  the command was called wrongly
"""

import argparse
import sys

from ser.audio.paths import find, printable
from ser.cli.options import add_jobs, add_model, add_profiles
from ser.errors import InputError
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.speaker_profiles import profile_path, write_profile

ONE_SIDED = (
    "the recordings look as if most had one emotion or two; answers for those emotions may get worse; give "
    "recordings of several emotions"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ser enrol``."""
    parser.add_argument("name", metavar="NAME", help="name of the speaker")
    parser.add_argument(
        "recordings", nargs="+", metavar="FILE|FOLDER|PATTERN", help="recordings of the speaker alone"
    )
    add_model(parser)
    add_jobs(parser)
    add_profiles(parser)
    parser.add_argument("--replace", action="store_true", help="write over the speaker's former profile")


def run(arguments: argparse.Namespace) -> int:
    """Gather and write; the exit code is 0 where all recordings could be found."""
    path = profile_path(arguments.profiles, arguments.name)
    if path.exists() and not arguments.replace:
        raise InputError(f"{path}: is there already; give another name, or --replace")
    recordings = find(arguments.recordings)
    for problem in recordings.problems:
        print(f"error: {printable(str(problem))}", file=sys.stderr)
    recognizer = Recognizer.load(arguments.bundle, model=arguments.model)
    found = recognizer.adaptation(recordings.files, jobs=arguments.jobs)
    write_profile(path, found, recognizer.model)
    print(f"{printable(str(path))}: {arguments.name}, {found.windows} windows of speech")
    if found.one_sided:
        print(f"warning: {ONE_SIDED}", file=sys.stderr)
    return 1 if recordings.problems else 0
