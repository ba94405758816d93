"""How every stage starts and ends: its ``--help``, its exit code, and errors a user can act on."""

import argparse
import errno
import sys
from collections.abc import Callable

from joblib.externals.loky.process_executor import TerminatedWorkerError

from ser.errors import InputError


def parser(description: str | None) -> argparse.ArgumentParser:
    """Make a stage's argument parser; `description` is the stage module's docstring."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def run(main: Callable[[], None]) -> None:
    """Run a stage's `main`; turn what a user can mend into a message on stderr and exit code 1."""
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
    except TerminatedWorkerError:
        sys.exit(
            "error: a worker was killed, most likely because memory ran out; set workers.jobs in params.yaml "
            "to a smaller number, then run again"
        )
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        sys.exit(
            f"error: {error.filename or 'output'}: {error.strerror}; make room or access, then run again"
        )
