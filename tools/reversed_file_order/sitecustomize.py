"""Makes this Python list every folder backwards, as another file system might."""

import os
from collections.abc import Iterator
from typing import Any

_listdir, _scandir = os.listdir, os.scandir


class _Backwards:
    """What os.scandir gives, from its last entry to its first."""

    def __init__(self, path: Any) -> None:
        with _scandir(path) as entries:
            self._entries: Iterator[os.DirEntry[Any]] = iter(sorted(entries, key=_name, reverse=True))

    def __iter__(self) -> Iterator[os.DirEntry[Any]]:
        return self._entries

    def __next__(self) -> os.DirEntry[Any]:
        return next(self._entries)

    def __enter__(self) -> "_Backwards":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def _name(entry: os.DirEntry[Any]) -> Any:
    return entry.name


def _backwards(path: Any = ".") -> list[Any]:
    return sorted(_listdir(path), reverse=True)


setattr(os, "listdir", _backwards)  # noqa: B010
setattr(os, "scandir", lambda path=".": _Backwards(path))  # noqa: B010
