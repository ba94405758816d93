"""The file-name grammar and the manifest."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.data import ravdess
from ser.data.ravdess import ManifestEntry, all_clips, clip_path, parse_clip, read_manifest, write_manifest
from ser.errors import InputError

COMMITTED = Path(ravdess.__file__).parents[1] / "ravdess_manifest.csv"
CORPUS = set(all_clips())
FIELDS = st.tuples(*[st.integers(0, 99)] * 7)


@settings(deadline=None)
@given(st.sampled_from(all_clips()))
def test_labels_say_all_that_a_name_says(name: str) -> None:
    clip = parse_clip(name)
    fields = (
        ravdess.EMOTIONS.index(clip.emotion) + 1,
        ravdess.INTENSITIES.index(clip.intensity) + 1,
        ravdess.STATEMENTS.index(clip.statement) + 1,
        clip.repetition,
        clip.actor,
    )
    assert "03-01-" + "-".join(f"{field:02d}" for field in fields) == name == clip.clip
    assert clip.gender == ("female" if clip.actor in range(2, 25, 2) else "male")


def test_the_corpus_has_1440_names_in_the_published_proportions() -> None:
    clips = [parse_clip(name) for name in all_clips()]
    assert len(set(clips)) == len(clips) == 1440
    assert all_clips() == sorted(all_clips())
    per_emotion = [sum(clip.emotion == emotion for clip in clips) for emotion in ravdess.EMOTIONS]
    assert per_emotion == [96] + 7 * [192]
    assert {sum(clip.actor == actor for clip in clips) for actor in ravdess.ACTORS} == {60}


@settings(deadline=None)
@given(st.text() | st.from_regex(r"(\d{2}-){6}\d{2}", fullmatch=True) | FIELDS.map(str))
def test_a_name_outside_the_corpus_is_refused(name: str) -> None:
    if name not in CORPUS:
        with pytest.raises(InputError):
            parse_clip(name)


@settings(deadline=None)
@given(FIELDS)
def test_seven_numbers_are_a_name_only_if_the_corpus_has_it(fields: tuple[int, ...]) -> None:
    name = "-".join(f"{field:02d}" for field in fields)
    if name in CORPUS:
        assert parse_clip(name).clip == name
    else:
        with pytest.raises(InputError, match=name):
            parse_clip(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("02-01-06-01-02-01-12", "modality is 02, but must be 03"),
        ("03-02-06-01-02-01-12", "vocal channel is 02, but must be 01, speech"),
        ("03-01-09-01-02-01-12", "emotion is 09, but must be 01 to 08"),
        ("03-01-06-03-02-01-12", "intensity is 03"),
        ("03-01-06-01-00-01-12", "statement is 00"),
        ("03-01-06-01-02-03-12", "repetition is 03"),
        ("03-01-06-01-02-01-25", "actor is 25, but must be 01 to 24"),
        ("03-01-01-02-02-01-12", "neutral has no strong intensity"),
        ("03-01-06-01-02-01", "seven two-digit fields"),
        ("3-1-6-1-2-1-12", "seven two-digit fields"),
        ("03-01-06-01-02-01-12 (1)", "seven two-digit fields"),
        ("03-01-06-01-02-01-1\N{ARABIC-INDIC DIGIT TWO}", "seven two-digit fields"),
    ],
)
def test_the_error_names_the_field_and_what_it_may_be(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_clip(name)


def test_a_clip_lies_in_its_actors_folder() -> None:
    assert (
        clip_path("data/raw", "03-01-06-01-02-01-12").as_posix()
        == "data/raw/Actor_12/03-01-06-01-02-01-12.wav"
    )


def test_the_committed_manifest_has_every_clip_of_the_corpus() -> None:
    manifest = read_manifest(COMMITTED)
    assert sorted(manifest) == all_clips()
    times = Counter(manifest.values())
    same = [clip for clip, entry in manifest.items() if times[entry] > 1]
    assert same == ["03-01-03-01-02-01-07", "03-01-03-01-02-02-07"]


ENTRIES = st.builds(
    ManifestEntry, frames=st.integers(1, 10**6), sha256=st.text("0123456789abcdef", min_size=64, max_size=64)
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(all_clips()), ENTRIES, min_size=1, max_size=5))
def test_a_manifest_reads_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, manifest: dict[str, ManifestEntry]
) -> None:
    path = tmp_path_factory.getbasetemp() / "manifest.csv"
    write_manifest(path, manifest)
    assert read_manifest(path) == manifest
    assert b"\r" not in path.read_bytes()


def test_all_faults_of_a_manifest_are_listed_at_once(tmp_path: Path) -> None:
    good = f"03-01-01-01-01-01-01,9,{'0' * 64}"
    rows = [
        good,
        good,
        f"03-01-01-01-01-01-99,9,{'0' * 64}",
        "03-01-01-01-01-01-02,x,0",
        "03-01-01-01-01-01-03",
    ]
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(["clip,frames,sha256", *rows]))
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert [f"line {number}" in str(caught.value) for number in range(2, 7)] == [
        False,
        True,
        True,
        True,
        True,
    ]
    assert "stands twice" in str(caught.value)


@pytest.mark.parametrize("content", ["", "clip,frames,sha256\n", "name,length\na,1\n", "\0", "\xff\xfe"])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=r"manifest\.csv"):
        read_manifest(path)
    with pytest.raises(InputError, match=r"absent\.csv.*git"):
        read_manifest(tmp_path / "absent.csv")
