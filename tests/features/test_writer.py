"""Features are written block by block, the same bytes as in one piece."""

from pathlib import Path

import numpy as np
import pytest

from ser.errors import InputError
from ser.features import writer as feature_files
from ser.features.writer import Array, write_features
from ser.params import Workers

ALONE = Workers(backend="loky", jobs=1)


def features_of(clip: int) -> dict[str, Array]:
    if clip == 99:
        raise InputError("clip 99: cannot be read")
    return {
        "matrix": np.asfortranarray(np.arange(clip, clip + 6, dtype=np.float32).reshape(2, 3)),
        "vector": np.arange(clip, clip + 4, dtype=np.float32),
    }


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_the_files_are_those_of_numpy_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(feature_files, "BLOCK", block)
    shapes = write_features(tmp_path, features_of, [(clip,) for clip in range(7)], workers=ALONE, what="test")
    assert shapes == {"matrix": (7, 2, 3), "vector": (7, 4)}
    for name in shapes:
        whole = np.stack([features_of(clip)[name] for clip in range(7)])
        np.save(tmp_path / "whole.npy", whole)
        assert (tmp_path / f"{name}.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_a_clip_that_fails_leaves_the_former_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_files, "BLOCK", 2)
    (tmp_path / "vector.npy").write_bytes(b"former")
    with pytest.raises(InputError, match="clip 99"):
        write_features(tmp_path, features_of, [(1,), (2,), (3,), (99,)], workers=ALONE, what="test")
    assert [path.name for path in tmp_path.iterdir()] == ["vector.npy"]
    assert (tmp_path / "vector.npy").read_bytes() == b"former"
