"""The corpora beside RAVDESS: how they name their recordings, and which of RAVDESS's emotions they have.

The emotions that nEMO and RAVDESS share are neutral, happy, sad, angry, fearful and surprised: all six of
nEMO's. RAVDESS's calm and disgust have no counterpart there. nEMO writes five of its labels as nouns and one,
``surprised``, as an adjective.

Of EMO-DB four emotions are used: neutral, happy, sad and angry, each complete. Boredom is left out as RAVDESS
does not have it, and is not mapped to calm, which it only resembles. Fear and disgust are left out as the
manifest has no checksum of theirs.

References
----------
nEMO: Christop I (2024). nEMO: Dataset of Emotional Speech in Polish. LREC-COLING, 12111-12116.
EMO-DB: Burkhardt F et al. (2005). A Database of German Emotional Speech. Interspeech.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ser.data.filename_grammar import Grammar, same
from ser.data.other_corpora import EMODB
from ser.data.ravdess import EMOTIONS

NEMO = Grammar(
    pattern=r"(?P<speaker>[A-Z]{2}0)_(?P<emotion>[a-z]+)_(?P<sentence>[1-9]\d?)",
    form="SPEAKER_EMOTION_SENTENCE, as in WR0_surprised_64",
    emotions={
        "neutral": "neutral",
        "happiness": "happy",
        "sadness": "sad",
        "anger": "angry",
        "fear": "fearful",
        "surprised": "surprised",
    },
    codes={
        "speaker": same("EB0", "IC0", "KD0", "KS0", "MK0", "MP0", "SM0", "TP0", "WR0"),
        "sentence": same(*(str(number) for number in range(1, 91))),
    },
)


@dataclass(frozen=True)
class PublishedCorpus:
    """A corpus whose clips are held to a manifest.

    Attributes
    ----------
    title : str
        Name of the corpus for people.
    grammar : Grammar
        Of its file names.
    sentence : str
        The field of a name that says which sentence is spoken.
    variable : str
        Environment variable that names the recordings: a folder, or a zip.
    form : str
        What that variable may name, in words.
    left_out : dict of str to str
        Labels of which the manifest has no clip, as `Utterance` gives them, and why.
    """

    title: str
    grammar: Grammar
    sentence: str
    variable: str
    form: str
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def emotions(self) -> tuple[str, ...]:
        """Those of `EMOTIONS` that the manifest has clips of, in their order."""
        known = set(self.grammar.emotions.values()) - self.left_out.keys()
        return tuple(emotion for emotion in EMOTIONS if emotion in known)

    @property
    def advice(self) -> str:
        """What to do where the recordings cannot be had."""
        return f"set {self.variable} to {self.form}"


CORPORA = {
    "nemo": PublishedCorpus(
        title="nEMO",
        grammar=NEMO,
        sentence="sentence",
        variable="NEMO_DIR",
        form="a folder or zip of the repository amu-cai/nEMO",
    ),
    "emodb": PublishedCorpus(
        title="EMO-DB",
        grammar=EMODB,
        sentence="text",
        variable="EMODB_DIR",
        form="a folder or zip of EMO-DB's recordings (.wav or .flac), as in 03a01Fa.wav",
        left_out={
            "boredom": "RAVDESS does not have it",
            "fearful": "the manifest does not have it",
            "disgust": "the manifest does not have it",
        },
    ),
}
"""All corpora beside RAVDESS, by their names in ``params.yaml``."""
