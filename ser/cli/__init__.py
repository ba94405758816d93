"""The command `ser`: its subcommands, each in a module of its own that is loaded only when it is called."""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ser.cli.own_stderr import keep_libraries_quiet
from ser.errors import NO_ROOM, InputError


@dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes
    ----------
    module : str
        Name of the module with ``add_arguments(parser)`` and ``run(arguments) -> int``; see `CommandModule`.
    summary : str
        A line for ``ser --help``; the module's docstring is what its own ``--help`` says.
    """

    module: str
    summary: str


class CommandModule(Protocol):
    """What the module of a subcommand defines."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; 0 if all went well, 1 if some input failed."""


COMMANDS = {
    "predict": Command("ser.cli.predict", "recognise the emotion in recordings"),
    "enrol": Command("ser.cli.enrol", "keep what a speaker's recordings have in common, to adapt to"),
    "listen": Command("ser.cli.listen", "the same, live from the microphone"),
    "serve": Command("ser.cli.serve", "the same, on a web page of this machine"),
    "evaluate": Command("ser.cli.evaluate", "score the model on another corpus"),
}
"""The subcommands by their names."""


_DESCRIPTION = """Recognise the emotion in recordings of speech.

  ser predict talk.wav                   which emotion, and how sure that is
  ser predict calls/ --csv -o calls.csv  a table of all that a folder holds

ser COMMAND --help has examples, options, formats and exit codes of each. Exit codes: 0 all well, 1 some input
failed (each is named), 2 wrong usage."""


class _Version(argparse.Action):
    """Prints the versions and ends; only then is the model's description read."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        from ser.recognizer.bundle_format import read_bundle

        print(f"ravdess-ser {version('ravdess-ser')}, model {read_bundle().version}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code: 0 all well, 1 some input failed, 2 wrong usage."""
    if argv is None:
        # The process is this program's own.
        keep_libraries_quiet()
    argv = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files may hold bytes that are no text; JSON reads such an escape back.
        sys.stdout.reconfigure(errors="backslashreplace")
    chosen = next((it for it in argv if not it.startswith("-")), None)
    chosen_parser = None
    parser = argparse.ArgumentParser(
        prog="ser",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the versions of program and model")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        if name != chosen:
            commands.add_parser(name, help=command.summary)
            continue
        module: CommandModule = importlib.import_module(command.module)
        chosen_parser = commands.add_parser(
            name,
            help=command.summary,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            # A script with half an option would break with the next option.
            allow_abbrev=False,
        )
        module.add_arguments(chosen_parser)
        chosen_parser.set_defaults(run=module.run, usage_error=chosen_parser.error)
    if not argv:
        parser.print_help(sys.stderr)
        parser.exit(2)
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        # By the command's own parser, whose usage says what there is.
        (chosen_parser or parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        code: int = arguments.run(arguments)
    except InputError as error:
        # Loaded here: a name with control characters must not reach the terminal as it is.
        from ser.audio.paths import printable

        print(f"error: {printable(str(error), lines=True)}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does. Python would complain once more when it closes stdout.
        sys.stdout = None
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        what = error.filename or "an output, or the folder of temporary files (TMPDIR)"
        print(f"error: {what}: {os.strerror(error.errno)}; make room, then run again", file=sys.stderr)
        # As above.
        sys.stdout = None
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
