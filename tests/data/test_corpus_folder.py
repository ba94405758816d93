"""A corpus's recordings are found in a folder, each once; what is missing or foreign is named."""

from pathlib import Path

import pytest

from ser.data.corpus_folder import read_folder
from ser.data.other_corpora import CORPORA
from ser.errors import InputError


def touch(folder: Path, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"")
    return folder


def test_a_folder_is_read_however_deep(tmp_path: Path) -> None:
    touch(tmp_path, "wav/b/03a01Fa.wav", "wav/a/03a01Wa.wav", "16b10Lb.wav", "08a01Lb.wav")
    touch(tmp_path, "labels/03a01Fa.lab", "readme.txt", "wav/._03a01Fa.wav", "wav/3a01Fa.wav")
    found = read_folder(tmp_path, CORPORA["emodb"])
    assert [it.utterance.clip for it in found.shared] == ["03a01Fa", "03a01Wa"]
    assert [it.path for it in found.shared] == [
        tmp_path / "wav/b/03a01Fa.wav",
        tmp_path / "wav/a/03a01Wa.wav",
    ]
    assert found.left_out == {"boredom": 2}
    assert [str(it).split(":")[0] for it in found.problems] == [str(tmp_path / "wav/3a01Fa.wav")]


def test_a_clip_that_is_there_twice_is_used_once_as_wav(tmp_path: Path) -> None:
    files = ("AudioMP3/1001_DFA_ANG_XX.mp3", "AudioWAV/1001_DFA_ANG_XX.wav", "copy/1001_DFA_ANG_XX.wav")
    found = read_folder(touch(tmp_path, *files), CORPORA["crema_d"])
    assert [it.path for it in found.shared] == [tmp_path / files[1]]
    assert sorted(found.doubled) == [tmp_path / files[0], tmp_path / files[2]]
    assert not found.problems


def test_savee_lies_in_one_folder_or_in_one_a_speaker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = read_folder(touch(tmp_path / "one", "DC_a01.wav", "KL_n30.wav"), CORPORA["savee"])
    apart = read_folder(touch(tmp_path / "four", "DC/a01.wav", "KL/n30.wav", "Info.txt"), CORPORA["savee"])
    assert [it.utterance for it in together.shared] == [it.utterance for it in apart.shared]
    assert [it.utterance.clip for it in apart.shared] == ["DC_a01", "KL_n30"]
    monkeypatch.chdir(tmp_path / "four" / "DC")
    assert [it.utterance.clip for it in read_folder(Path(), CORPORA["savee"]).shared] == ["DC_a01"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ((), ["found no sound file", "as in 03a01Fa"]),
        (("readme.txt",), ["found no sound file"]),
        (("song.wav", "other.mp3"), ["found 2 sound files, such as song.wav"]),
        (("OAF_back_angry.wav",), ["found 1 sound file, such as OAF_back_angry.wav; try --corpus tess"]),
        (("03a01La.wav",), ["no recording of neutral, happy, sad", "none but 1 of boredom"]),
    ],
)
def test_a_folder_without_a_recording_is_an_error(
    tmp_path: Path, files: tuple[str, ...], says: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read_folder(touch(tmp_path, *files), CORPORA["emodb"])
    assert str(caught.value).startswith(f"{tmp_path}: ")
    for words in says:
        assert words in str(caught.value)


def test_what_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read_folder(tmp_path / "absent", CORPORA["emodb"])
    with pytest.raises(InputError, match="no such folder"):
        read_folder(touch(tmp_path, "03a01Fa.wav") / "03a01Fa.wav", CORPORA["emodb"])
