"""Odd names: of clips, of other corpora's files, of uploads, and on the command line."""

import string
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ser import cli
from ser.audio.paths import ENDINGS, find, printable
from ser.data.other_corpora import CORPORA
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError
from ser.recognizer.recognizer import Recognizer
from ser.web.upload import shown_name

from .bounds import Bounded, check_message
from .bounds import bounded as bounded

Run = Callable[[str], tuple[int, str, str]]
"""From a name to exit code, standard output and standard error."""

NAMES = {
    "crema_d": ["1001_DFA_ANG_XX", "1091_WSI_SAD_X", "1076_IEO_HAP_LO"],
    "tess": ["OAF_back_angry", "YAF_young_ps", "OA_bite_neutral"],
    "savee": ["DC_a01", "KL_n30", "JE_su15"],
    "emodb": ["03a01Fa", "16b10Wb", "11a04Nd"],
    "ravdess_song": ["03-02-06-01-02-01-12", "03-02-01-01-01-02-24"],
    "ravdess": ["03-01-06-01-02-01-12", "03-01-01-01-01-02-24"],
}
ODD = st.sampled_from([*"0\0\n\r\t\x1b /\\.-_*?[]{}%$'\"", "\u202e", "\u2028", "\udcff", "٣", "é", "\u0301"])
CHARACTER = ODD | st.sampled_from(string.ascii_letters + string.digits) | st.characters(codec=None)


@st.composite
def near(draw: st.DrawFn, names: Sequence[str]) -> str:
    """A right name with some characters replaced, removed, put in, or a part of it doubled."""
    name = draw(st.sampled_from(names))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(name)))
        end = draw(st.integers(start, min(len(name), start + 3)))
        new = draw(st.one_of(st.just(""), CHARACTER, st.just(name[start:end] * 2), st.text(max_size=3)))
        name = name[:start] + new + name[end:]
    return name


@given(name=near(NAMES["ravdess"]) | near(all_clips()) | st.text())
@example(name="03-01-06-01-02-01-12\n")
@example(name="٠٣-01-06-01-02-01-12")
def test_a_ravdess_name_is_one_of_the_corpus_or_refused(name: str, bounded: Bounded) -> None:
    try:
        with bounded():
            assert parse_clip(name).clip == name
    except InputError as error:
        assert str(error).startswith(f"{name}: ")
        assert len(str(error)) < len(name) + 100
        assert name not in CLIPS
    else:
        assert name in CLIPS


CLIPS = frozenset(all_clips())


@pytest.mark.parametrize("corpus", NAMES.keys() & CORPORA.keys())
@given(data=st.data())
def test_a_name_of_another_corpus_is_read_or_refused(
    corpus: str, data: st.DataObject, bounded: Bounded
) -> None:
    name = data.draw(near(NAMES[corpus]) | st.text())
    try:
        with bounded():
            utterance = CORPORA[corpus].parse(name)
    except InputError as error:
        assert str(error).startswith(f"{name}: ")
        assert len(str(error)) < len(name) + 250
    else:
        assert utterance.clip == name
        assert utterance.speaker
        assert utterance.emotion is None or utterance.emotion in EMOTIONS


@given(name=st.text(CHARACTER))
@example(name="a\nerror: b")
def test_what_is_printed_harms_no_terminal(name: str, bounded: Bounded) -> None:
    with bounded():
        shown, listed = printable(name), shown_name(name)
    assert not {unicodedata.category(it) for it in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(TURNING) & set(shown)
    assert listed.isprintable()


TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters after which a terminal may write from right to left."""


@pytest.fixture(scope="module")
def run(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`ser predict` in an empty folder, with a model that is loaded once."""
    recognizer = Recognizer.load(bundle_folder)
    folder = tmp_path_factory.mktemp("empty")

    def called(name: str) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patch, StringIO() as out, StringIO() as complaints:
            patch.setattr(Recognizer, "load", lambda *_, **__: recognizer)
            patch.chdir(folder)
            with redirect_stdout(out), redirect_stderr(complaints):
                # After -- a name that begins with a hyphen is no option.
                code = cli.main(["predict", "--json", "--", name])
            return code, out.getvalue(), complaints.getvalue()

    return called


@given(
    name=near(["talk.wav", "./talk.wav", "~/talk.wav", "**/*.wav", "[a].wav", "a" * 300]) | st.text(CHARACTER)
)
@example(name="\0")
@example(name="a" * 5000)
@example(name="talk\nerror: all well.wav")
def test_a_name_on_the_command_line_is_no_file(name: str, run: Run, bounded: Bounded) -> None:
    # "-" is standard input; what begins with / or .. may exist.
    if name in ("-", "--", ".") or name.startswith(("/", "..")):
        return
    with bounded():
        code, printed, complaint = run(name)
    assert (code, printed) == (1, "")
    assert complaint.startswith("error: ")
    assert complaint.endswith("\n")
    assert complaint.count("\n") == 1, "a name must not look like another message"
    assert "Traceback" not in complaint


@given(names=st.lists(near(["talk.wav", "b.flac", "Old.MP3", ".hidden.wav", "notes.txt"]), max_size=6))
@example(names=["talk.wav", "Old.MP3", ".hidden.wav", ".wav", "notes.txt", "wav", "a.wav.txt", "\udcff.flac"])
def test_a_folder_of_odd_names_is_searched(
    names: list[str], bounded: Bounded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder:
        for name in names:
            try:
                (Path(folder) / name.replace("/", "_")).write_bytes(b"")
            except (OSError, ValueError):
                # No file can be called so.
                continue
        with bounded():
            found = find([folder])
        # As the disk has them: bytes that are no UTF-8 may come back as another text.
        there = [it.name for it in Path(folder).iterdir()]
    named = sorted(it for it in there if it.lower().endswith(tuple(ENDINGS)) and not it.startswith("."))
    assert found.files == [f"{folder}/{it}" for it in named]
    assert len(found.problems) == (not named)
    for problem in found.problems:
        check_message(problem, names=folder)
