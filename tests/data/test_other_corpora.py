"""What file names of other corpora say."""

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.data import other_corpora as corpora
from ser.data.filename_grammar import Grammar
from ser.data.other_corpora import CORPORA
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError

GRAMMARS = {
    "crema_d": (corpora.CREMA_D, "{speaker}_{sentence}_{emotion}_{intensity}"),
    "tess": (corpora.TESS, "{speaker}_{word}_{emotion}"),
    "savee": (corpora.SAVEE, "{speaker}_{emotion}{sentence}"),
    "emodb": (corpora.EMODB, "{speaker}{text}{emotion}{version}"),
    "ravdess_song": (
        corpora.RAVDESS_SONG,
        "{modality}-{channel}-{emotion}-{intensity}-{statement}-{repetition}-{speaker}",
    ),
}
FREE = {
    "word": st.from_regex("[a-z]{2,8}", fullmatch=True),
    "sentence": st.integers(1, 15).map("{:02d}".format),
    "version": st.sampled_from(["", *"abcdef"]),
}


@st.composite
def names(draw: st.DrawFn, corpus: str) -> tuple[str, dict[str, str]]:
    """A name of the corpus, and its fields."""
    grammar, template = GRAMMARS[corpus]
    known = {"emotion": {**grammar.emotions, **grammar.not_shared}, **grammar.codes}
    keys = [part.split("}")[0] for part in template.split("{")[1:]]
    fields = {key: draw(st.sampled_from(sorted(known[key])) if key in known else FREE[key]) for key in keys}
    if corpus == "ravdess_song" and fields["emotion"] == "01":
        fields["intensity"] = "01"
    return template.format(**fields), fields


@pytest.mark.parametrize("corpus", GRAMMARS)
@settings(deadline=None, max_examples=50)
@given(st.data())
def test_a_name_says_what_it_was_made_of(corpus: str, data: st.DataObject) -> None:
    name, fields = data.draw(names(corpus))
    grammar, _ = GRAMMARS[corpus]
    utterance = CORPORA[corpus].parse(name)
    assert utterance.clip == name
    assert utterance.emotion == grammar.emotions.get(fields["emotion"])
    assert utterance.label == (utterance.emotion or grammar.not_shared[fields["emotion"]])
    told = {"speaker": utterance.speaker, **utterance.details}
    for key in fields.keys() - {"emotion"}:
        assert told[key] == grammar.codes.get(key, {}).get(fields[key], fields[key])
    assert told.keys() == fields.keys() - {"emotion"}


@pytest.mark.parametrize(
    ("corpus", "name", "speaker", "emotion", "details"),
    [
        ("crema_d", "1001_DFA_ANG_XX", "1001", "angry", {"sentence": "DFA", "intensity": "unspecified"}),
        ("crema_d", "1091_IEO_FEA_HI", "1091", "fearful", {"sentence": "IEO", "intensity": "high"}),
        ("crema_d", "1040_ITH_SAD_X", "1040", "sad", {"sentence": "ITH", "intensity": "unspecified"}),
        ("tess", "OAF_back_angry", "OAF", "angry", {"word": "back"}),
        ("tess", "YAF_youth_ps", "YAF", "surprised", {"word": "youth"}),
        ("tess", "OA_bite_neutral", "OAF", "neutral", {"word": "bite"}),
        ("savee", "DC_a01", "DC", "angry", {"sentence": "01"}),
        ("savee", "KL_su15", "KL", "surprised", {"sentence": "15"}),
        ("savee", "JK_sa15", "JK", "sad", {"sentence": "15"}),
        ("savee", "JE_n30", "JE", "neutral", {"sentence": "30"}),
        ("emodb", "03a01Wa", "03", "angry", {"text": "a01", "version": "a"}),
        ("emodb", "16b10Lb", "16", None, {"text": "b10", "version": "b"}),
        ("emodb", "08a07Ea", "08", "disgust", {"text": "a07", "version": "a"}),
        ("emodb", "09b03Ac", "09", "fearful", {"text": "b03", "version": "c"}),
        ("emodb", "10a05Fd", "10", "happy", {"text": "a05", "version": "d"}),
        ("emodb", "11b01Td", "11", "sad", {"text": "b01", "version": "d"}),
        ("emodb", "12a02N", "12", "neutral", {"text": "a02", "version": ""}),
    ],
)
def test_known_names(
    corpus: str, name: str, speaker: str, emotion: str | None, details: dict[str, str]
) -> None:
    utterance = CORPORA[corpus].parse(name)
    assert (utterance.speaker, utterance.emotion, utterance.details) == (speaker, emotion, details)


def test_what_is_not_shared_is_boredom_alone() -> None:
    assert {name: grammar.not_shared for name, (grammar, _) in GRAMMARS.items() if grammar.not_shared} == {
        "emodb": {"L": "boredom"}
    }


def test_the_shared_emotions_of_each_corpus() -> None:
    six = ("neutral", "happy", "sad", "angry", "fearful", "disgust")
    assert {name: corpus.emotions for name, corpus in CORPORA.items()} == {
        "crema_d": six,
        "tess": (*six, "surprised"),
        "savee": (*six, "surprised"),
        "emodb": six,
        "ravdess_song": EMOTIONS[:6],
        "ravdess": EMOTIONS,
    }


def test_ravdess_song_has_1012_names() -> None:
    """As many as the corpus is published with: 23 singers with 44 songs each."""
    song = CORPORA["ravdess_song"]
    found = set()
    for name in all_clips():
        sung = name.replace("03-01-", "03-02-", 1)
        try:
            utterance = song.parse(sung)
        except InputError:
            continue
        found.add(utterance.clip)
        assert utterance.emotion == parse_clip(name).emotion
    assert len(found) == 1012


@pytest.mark.parametrize(
    ("corpus", "name", "says"),
    [
        ("crema_d", "1092_DFA_ANG_XX", "speaker is 1092, but must be 1001 to 1091"),
        ("crema_d", "1001_DFA_SUR_XX", "emotion is SUR, but must be one of NEU, HAP"),
        ("crema_d", "1001_DFA_ANG", "must be SPEAKER_SENTENCE_EMOTION_LEVEL, as in 1001_DFA_ANG_XX"),
        ("tess", "OAF_back_calm", "emotion is calm"),
        ("tess", "MAF_back_sad", "speaker is MAF"),
        ("savee", "DC_a16", "sentence is 16, but must be 01 to 15"),
        ("savee", "DC_n31", "sentence is 31, but must be 01 to 30"),
        ("savee", "DC_a00", "sentence is 00"),
        ("savee", "XX_a01", "speaker is XX, but must be one of DC, JE, JK, KL"),
        ("savee", "DC_s01", "emotion is s, "),
        ("emodb", "04a01Fa", "speaker is 04"),
        ("emodb", "03a03Fa", "text is a03"),
        ("emodb", "03a01Xa", "emotion is X"),
        ("emodb", "03a01Fa (1)", "as in 03a01Fa"),
        ("ravdess_song", "03-01-06-01-02-01-12", "channel is 01, but must be one of 02"),
        ("ravdess_song", "01-02-06-01-02-01-12", "modality is 01"),
        ("ravdess_song", "03-02-07-01-02-01-12", "emotion is 07"),
        ("ravdess_song", "03-02-06-01-02-01-18", "speaker is 18"),
        ("ravdess_song", "03-02-01-02-02-01-12", "neutral has no strong intensity"),
        ("ravdess", "03-02-06-01-02-01-12", "vocal channel is 02"),
    ],
)
def test_a_wrong_name_is_refused_by_field(corpus: str, name: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        CORPORA[corpus].parse(name)
    assert str(caught.value).startswith(f"{name}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("corpus", CORPORA)
@settings(deadline=None, max_examples=50)
@given(name=st.text() | st.from_regex(r"\d{2}[ab]\d{2}[A-Z][a-d]?|[A-Z]{2,3}_[a-z]{1,3}(_[a-z]+|\d\d)"))
def test_any_other_text_is_read_or_refused(corpus: str, name: str) -> None:
    try:
        assert CORPORA[corpus].parse(name).clip == name
    except InputError as error:
        assert name in str(error)


def test_no_name_is_of_two_corpora() -> None:
    examples = {"crema_d": "1001_DFA_ANG_XX", "tess": "OAF_back_angry", "savee": "DC_a01", "emodb": "03a01Fa"}
    for name in chain(examples.values(), ["03-02-06-01-02-01-12", "03-01-06-01-02-01-12"]):
        readers = []
        for corpus, it in CORPORA.items():
            try:
                it.parse(name)
            except InputError:
                continue
            readers.append(corpus)
        assert len(readers) == 1, name


def test_a_grammar_knows_our_emotions_alone() -> None:
    with pytest.raises(ValueError, match="got joyful"):
        Grammar(pattern="", form="", emotions={"j": "joyful"})
