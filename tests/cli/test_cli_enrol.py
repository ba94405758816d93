"""The command `ser enrol`, and `ser predict` with a speaker or with a set-up to adapt to."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from voices import spoken

from ser.cli import main
from ser.models.layers.linear import softmax
from ser.recognizer import adaptation
from ser.recognizer.adaptation import FEWEST, PRIOR
from ser.recognizer.bundle_format import read_bundle
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.speaker_profiles import default_folder, read_profile

RATE = 16_000


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As many short recordings as are needed, at several speeds."""
    folder = tmp_path_factory.mktemp("recordings")
    voice = spoken(2)
    for place in range(FEWEST):
        faster = np.interp(np.arange(0, len(voice), 0.9 + 0.03 * place), np.arange(len(voice)), voice)
        soundfile.write(folder / f"{place}.wav", faster, RATE)
    return folder


@pytest.fixture(scope="module")
def profiles(bundle_folder: Path, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the profile of anna."""
    folder = tmp_path_factory.mktemp("profiles")
    assert enrol(bundle_folder, folder, "anna", recordings) == 0
    return folder


def enrol(bundle: Path, profiles: Path, name: str, *arguments: str | Path) -> int:
    return main(["enrol", "--bundle", str(bundle), "--profiles", str(profiles), name, *map(str, arguments)])


def predict(capsys: pytest.CaptureFixture[str], bundle: Path, *arguments: str | Path) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["predict", "--bundle", str(bundle), "--json", *map(str, arguments)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    capsys.readouterr()
    assert main([*map(str, arguments)]) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    return error


def test_a_folder_is_adapted_to_and_its_answers_say_so(
    bundle_folder: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = (predict(capsys, bundle_folder, recordings, *more) for more in ((), ("--adapt",)))
    assert all("adapted" not in it for it in before)
    assert {it["adapted"]["windows"] for it in after} == {FEWEST}
    assert {it["adapted"]["speaker"] for it in after} == {None}
    recognizer = Recognizer.load(bundle_folder)
    x = np.stack([recognizer.features_of(path) for path in sorted(recordings.iterdir())])
    logits = recognizer.model.linear.layer_logits(x)  # (n, layers, 8)
    found = recognizer.adaptation(sorted(recordings.iterdir()))
    moved = recognizer.adapted(found).model.linear.layer_logits(x)
    np.testing.assert_allclose(moved, logits - found.residuals / (FEWEST + PRIOR))
    expected = softmax(recognizer.model.linear.weights @ moved / recognizer.model.temperature)  # (n, 8)
    np.testing.assert_allclose([[*it["probabilities"].values()] for it in after], expected, rtol=1e-6)
    assert [it["probabilities"] for it in before] != [it["probabilities"] for it in after]


def test_a_speaker_is_enrolled_and_adapted_to(
    bundle_folder: Path, recordings: Path, profiles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_speaker = predict(capsys, bundle_folder, recordings, "--speaker", "anna", "--profiles", profiles)
    by_folder = predict(capsys, bundle_folder, recordings, "--adapt", "--jobs", "2")
    assert [it["probabilities"] for it in by_speaker] == [it["probabilities"] for it in by_folder]
    assert {it["adapted"]["speaker"] for it in by_speaker} == {"anna"}


def test_a_profile_holds_sums_alone(bundle_folder: Path, profiles: Path) -> None:
    content = json.loads((profiles / "anna.json").read_text())
    assert set(content) == {"format", "model_sha256", "windows", "emotions", "residuals"}
    assert np.shape(content["residuals"]) == (3, 8)
    model = read_bundle(bundle_folder).model("ravdess")
    assert read_profile(profiles / "anna.json", model).windows == FEWEST


def test_recordings_that_look_one_sided_are_warned_of(
    bundle_folder: Path,
    recordings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for threshold, warned in ((0.0, False), (9.0, True)):
        monkeypatch.setattr(adaptation, "ONE_SIDED_BELOW", threshold)
        assert main(["predict", "--bundle", str(bundle_folder), "--json", "--adapt", str(recordings)]) == 0
        shown = capsys.readouterr()
        warning = "warning: the recordings look as if most had one emotion"
        assert shown.err.startswith(warning) == warned
        assert {json.loads(line)["adapted"]["one_sided"] for line in shown.out.splitlines()} == {warned}
        assert enrol(bundle_folder, tmp_path, "anna", recordings, "--replace") == 0
        assert capsys.readouterr().err.startswith(warning) == warned


def test_too_few_recordings_are_refused(
    bundle_folder: Path, recordings: Path, profiles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = sorted(recordings.iterdir())[1:]
    error = refused(capsys, "predict", "--bundle", bundle_folder, "--adapt", *few)
    assert f"{FEWEST - 1} windows of speech are too few" in error
    error = refused(capsys, "enrol", "--bundle", bundle_folder, "--profiles", profiles, "bo", *few)
    assert "too few" in error
    assert not (profiles / "bo.json").exists()


def test_a_profile_is_not_written_over_unasked(
    bundle_folder: Path, recordings: Path, profiles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (profiles / "anna.json").read_bytes()
    error = refused(capsys, "enrol", "--bundle", bundle_folder, "--profiles", profiles, "anna", recordings)
    assert "--replace" in error
    assert (profiles / "anna.json").read_bytes() == before
    assert enrol(bundle_folder, profiles, "anna", recordings, "--replace") == 0
    assert (profiles / "anna.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:40], "damaged"),
        (lambda _: "[]", "damaged"),
        (lambda text: text.replace('"windows": 8', '"windows": 0'), "damaged"),
        (lambda text: text.replace('"residuals": [', '"residuals": [[1.0], ', 1), "damaged"),
        (lambda text: text.replace('"format": 1', '"format": 9'), "another model"),
        (lambda text: text.replace('"model_sha256": "', '"model_sha256": "0'), "another model"),
    ],
)
def test_a_profile_that_does_not_fit_is_named_with_the_repair(
    bundle_folder: Path,
    recordings: Path,
    profiles: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Any,
    said: str,
) -> None:
    former = (profiles / "anna.json").read_text()
    assert change(former) != former
    path = tmp_path / "anna.json"
    path.write_text(change(former))
    speaker = ("--speaker", "anna", "--profiles", tmp_path)
    error = refused(capsys, "predict", "--bundle", bundle_folder, *speaker, recordings / "0.wav")
    assert error.startswith(f"error: {path}: ")
    assert said in error
    assert "ser enrol" in error


@pytest.mark.parametrize("name", ["../anna", "", "a/b", ".hidden"])
def test_a_name_is_no_path(
    bundle_folder: Path, recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    error = refused(capsys, "enrol", "--bundle", bundle_folder, "--profiles", tmp_path, name, recordings)
    assert "no name for a speaker" in error
    assert not list(tmp_path.iterdir())


def test_an_unknown_speaker_is_told_who_is_known(
    bundle_folder: Path, recordings: Path, profiles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speaker = ("--speaker", "bea", "--profiles", profiles)
    error = refused(capsys, "predict", "--bundle", bundle_folder, *speaker, recordings / "0.wav")
    assert "no such speaker; enrolled: anna" in error


def test_standard_input_cannot_be_adapted_to(bundle_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "only once" in refused(capsys, "predict", "--bundle", bundle_folder, "--adapt", "-")


def test_profiles_lie_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "ravdess-ser" / "speakers"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert default_folder().parts[-4:] == (".local", "share", "ravdess-ser", "speakers")
