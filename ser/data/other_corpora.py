"""Other corpora of acted emotions: how they name their files, and which of our emotions they have.

An emotion that RAVDESS does not have is left out, by its name; one that it has under another name is mapped.
Anxiety and fear are ``fearful``, a pleasant surprise is ``surprised``. None but RAVDESS itself has ``calm``;
the ``neutral`` of the others stays ``neutral``.

References
----------
CREMA-D: Cao H et al. (2014). CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset. IEEE Transactions on
Affective Computing 5(4):377-390. Names: the README of the corpus.
TESS: Pichora-Fuller MK, Dupuis K (2020). Toronto emotional speech set. Borealis, doi:10.5683/SP2/E8H2MF.
SAVEE: Haq S, Jackson PJB (2009). Speaker-Dependent Audio-Visual Emotion Recognition. AVSP. Names: the file
Info.txt of the corpus.
EMO-DB: Burkhardt F et al. (2005). A Database of German Emotional Speech. Interspeech. Names: the
documentation of the corpus, "Code of emotions" and "Code of texts".
RAVDESS: see `ser.data.ravdess`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ser.data.filename_grammar import Grammar, Utterance, same
from ser.data.ravdess import EMOTIONS, parse_clip


@dataclass(frozen=True)
class Corpus:
    """A corpus whose file names hold its labels.

    Attributes
    ----------
    title : str
        Name of the corpus for people.
    form : str
        Form of its file names in words, with an example.
    emotions : tuple of str
        Those of `EMOTIONS` that it has, in their order.
    parse : callable
        From a name to an `Utterance`; raises `InputError`.
    name_of : callable
        From a file's path to the name that is parsed: mostly the file's name without its ending.
    note : str
        Sentence on how its recordings relate to those that the model was trained on.
    """

    title: str
    form: str
    emotions: tuple[str, ...]
    parse: Callable[[str], Utterance]
    name_of: Callable[[Path], str] = lambda path: path.stem
    note: str = (
        "Cross-corpus: the model learned its emotions from RAVDESS speech alone, and nothing is adjusted."
    )


def by_grammar(title: str, grammar: Grammar, **more: object) -> Corpus:
    """Make a corpus from its grammar; `more` are other fields of `Corpus`."""
    emotions = tuple(it for it in EMOTIONS if it in grammar.emotions.values())
    return Corpus(title, grammar.form, emotions, grammar.parse, **more)  # type: ignore[arg-type]


CREMA_D = Grammar(
    pattern=r"(?P<speaker>\d{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<intensity>[A-Z]{1,2})",
    form="SPEAKER_SENTENCE_EMOTION_LEVEL, as in 1001_DFA_ANG_XX",
    emotions={
        "NEU": "neutral",
        "HAP": "happy",
        "SAD": "sad",
        "ANG": "angry",
        "FEA": "fearful",
        "DIS": "disgust",
    },
    codes={
        "speaker": same(*(str(number) for number in range(1001, 1092))),
        "sentence": same(
            *("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI"),
        ),
        # The corpus has a name that ends in a single X.
        "intensity": {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified", "X": "unspecified"},
    },
)

TESS = Grammar(
    pattern=r"(?P<speaker>[A-Z]+)_(?P<word>[a-z]+)_(?P<emotion>[a-z]+)",
    form="SPEAKER_WORD_EMOTION, as in OAF_back_angry",
    emotions={
        "neutral": "neutral",
        "happy": "happy",
        "sad": "sad",
        "angry": "angry",
        "fear": "fearful",
        "disgust": "disgust",
        "ps": "surprised",
    },
    # The corpus has a name that begins with OA.
    codes={"speaker": {"OAF": "OAF", "OA": "OAF", "YAF": "YAF"}},
)


def _savee_rule(fields: Mapping[str, str]) -> str | None:
    last = 30 if fields["emotion"] == "n" else 15
    if not 1 <= int(fields["sentence"]) <= last:
        return f"sentence is {fields['sentence']}, but must be 01 to {last}"
    return None


SAVEE = Grammar(
    pattern=r"(?P<speaker>[A-Z]{2})_(?P<emotion>[a-z]{1,2})(?P<sentence>\d{2})",
    form="SPEAKER_EMOTION and the sentence's number, as in DC_a01, or the same in a folder a speaker, DC/a01",
    emotions={
        "n": "neutral",
        "h": "happy",
        "sa": "sad",
        "a": "angry",
        "f": "fearful",
        "d": "disgust",
        "su": "surprised",
    },
    codes={"speaker": same("DC", "JE", "JK", "KL")},
    rule=_savee_rule,
)


def savee_name(path: Path) -> str:
    """Put the speaker before the name of a file that lies in the speaker's folder, as in ``DC/a01.wav``."""
    return path.stem if "_" in path.stem else f"{path.parent.name}_{path.stem}"


EMODB = Grammar(
    pattern=r"(?P<speaker>\d{2})(?P<text>[a-z]\d{2})(?P<emotion>[A-Z])(?P<version>[a-z]?)",
    form="speaker, text, the German emotion's letter and the version, as in 03a01Fa",
    emotions={
        "N": "neutral",  # neutral
        "F": "happy",  # Freude
        "T": "sad",  # Trauer
        "W": "angry",  # Wut
        "A": "fearful",  # Angst
        "E": "disgust",  # Ekel
    },
    not_shared={"L": "boredom"},  # Langeweile
    codes={
        "speaker": same("03", *(f"{number:02d}" for number in range(8, 17))),
        "text": same("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10"),
    },
)


def _ravdess_song_rule(fields: Mapping[str, str]) -> str | None:
    strong_neutral = fields["emotion"] == "01" and fields["intensity"] == "02"
    return "neutral has no strong intensity" if strong_neutral else None


RAVDESS_SONG = Grammar(
    pattern=(
        r"(?P<modality>\d{2})-(?P<channel>\d{2})-(?P<emotion>\d{2})-(?P<intensity>\d{2})"
        r"-(?P<statement>\d{2})-(?P<repetition>\d{2})-(?P<speaker>\d{2})"
    ),
    form="seven two-digit fields joined by hyphens, as in 03-02-06-01-02-01-12",
    # There is no song of disgust or surprise.
    emotions={f"{number:02d}": emotion for number, emotion in enumerate(EMOTIONS[:6], start=1)},
    codes={
        "modality": {"03": "audio only"},
        "channel": {"02": "song"},
        "intensity": {"01": "normal", "02": "strong"},
        "statement": {"01": "kids", "02": "dogs"},
        "repetition": {"01": "1", "02": "2"},
        # Actor 18 does not sing.
        "speaker": same(*(f"{number:02d}" for number in range(1, 25) if number != 18)),
    },
    rule=_ravdess_song_rule,
)


def ravdess_speech(name: str) -> Utterance:
    """Read a name of RAVDESS speech, by `ser.data.ravdess.parse_clip`."""
    clip = parse_clip(name)
    details = {"intensity": clip.intensity, "statement": clip.statement, "repetition": str(clip.repetition)}
    return Utterance(clip.clip, f"{clip.actor:02d}", clip.emotion, clip.emotion, details)


CORPORA: dict[str, Corpus] = {
    "crema_d": by_grammar("CREMA-D", CREMA_D),
    "tess": by_grammar("TESS", TESS),
    "savee": by_grammar("SAVEE", SAVEE, name_of=savee_name),
    "emodb": by_grammar("EMO-DB", EMODB),
    "ravdess_song": by_grammar(
        "RAVDESS song",
        RAVDESS_SONG,
        note="The model was trained on these actors' speech: singing is new to it, the voices are not.",
    ),
    "ravdess": Corpus(
        title="RAVDESS speech",
        form="seven two-digit fields joined by hyphens, as in 03-01-06-01-02-01-12",
        emotions=EMOTIONS,
        parse=ravdess_speech,
        note=(
            "WARNING: the model was trained on these very recordings. This is no test of it and must not be "
            "quoted as one."
        ),
    ),
}
"""All corpora, by their names in ``ser evaluate --corpus``."""
