"""The command `ser`: its subcommands, each in a module of its own that is loaded only when it is called."""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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
    "listen": Command("ser.cli.listen", "the same, live from the microphone"),
    "serve": Command("ser.cli.serve", "the same, on a web page of this machine"),
    "evaluate": Command("ser.cli.evaluate", "score the model on another corpus"),
}
"""The subcommands by their names."""


class _Version(argparse.Action):
    """Prints the versions and ends; only then is the model's description read."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        from ser.recognizer.bundle_format import read_bundle

        print(f"ravdess-ser {version('ravdess-ser')}, model {read_bundle().version}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code: 0 all well, 1 some input failed, 2 wrong usage."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files may hold bytes that are no text; JSON reads such an escape back.
        sys.stdout.reconfigure(errors="backslashreplace")
    chosen = next((it for it in argv if not it.startswith("-")), None)
    parser = argparse.ArgumentParser(
        prog="ser",
        description="Recognise the emotion in recordings of speech. ser COMMAND --help explains each.",
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
        )
        module.add_arguments(chosen_parser)
        chosen_parser.set_defaults(run=module.run, usage_error=chosen_parser.error)
    arguments = parser.parse_args(argv)
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
