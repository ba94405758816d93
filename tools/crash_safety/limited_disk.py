"""A folder on a small disk of its own, which can be filled up or closed to writing (Linux, as root)."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ser.errors import InputError

BALLAST = ".ballast"
"""What fills the disk, in its topmost folder."""


def can_mount(folder: Path) -> bool:
    """Whether this process may mount a disk on a folder: it is tried on one below `folder`."""
    trial = folder / "mount-trial"
    trial.mkdir(parents=True, exist_ok=True)
    try:
        with small_disk(trial, size=1 << 20):
            return True
    except InputError:
        return False
    finally:
        trial.rmdir()


@contextmanager
def small_disk(folder: Path, *, size: int) -> Iterator[None]:
    """Mount a disk of `size` bytes, held in memory, on an empty folder for a while.

    Raises
    ------
    InputError
        Where this process may not mount, or there is no `mount`.
    """
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    with _unmounted_at_the_end(folder):
        yield


@contextmanager
def placed_on(folder: Path, other: Path) -> Iterator[None]:
    """Let `folder` show what `other` holds, on the disk of `other`."""
    _mount("--bind", str(other), str(folder))
    with _unmounted_at_the_end(folder):
        yield


@contextmanager
def full(folder: Path, *, room: int) -> Iterator[None]:
    """Leave `room` bytes, rounded down to blocks, on the disk that is mounted on `folder`."""
    ballast = folder / BALLAST
    with ballast.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(shutil.disk_usage(folder).free - room, 1))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Close the disk that is mounted on `folder` to writing, to root as well."""
    _mount("-o", "remount,ro", str(folder))
    try:
        yield
    finally:
        _mount("-o", "remount,rw", str(folder))


def release(folder: Path) -> None:
    """Unmount what an earlier process, which was killed, left mounted on a folder."""
    while folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def _unmounted_at_the_end(folder: Path) -> Iterator[None]:
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise InputError("mount: no such program; full and read-only disks need Linux") from error
    if done.returncode != 0:
        raise InputError(f"{done.stderr.strip()}; full and read-only disks need root")
