"""Write a corpus's manifest from its recordings, as was done once: who has a later release can do it again.

    python -m experiments.cross_corpus.write_manifest nemo path/to/nEMO
    python -m experiments.cross_corpus.write_manifest emodb path/to/EMO-DB

Age and gender are those of the file data.tsv of nEMO, and of EMO-DB's documentation. No stage: what fetch and
ingest compare the recordings with must not come from the same recordings.
"""

import argparse
import csv
from pathlib import Path

import soundfile

from experiments.cross_corpus.corpora import CORPORA
from experiments.cross_corpus.manifest import Row, write_manifest
from ser.audio.clip_io import read_pcm16, sha256_of
from ser.data.clips import list_audio

Speakers = dict[str, tuple[str, int]]
"""Gender and age of each speaker."""

EMODB_SPEAKERS: Speakers = {
    "03": ("male", 31),
    "08": ("female", 34),
    "09": ("female", 21),
    "10": ("male", 32),
    "11": ("male", 26),
    "12": ("male", 30),
    "13": ("female", 32),
    "14": ("female", 35),
    "15": ("male", 25),
    "16": ("female", 31),
}


def nemo_speakers(table: Path) -> Speakers:
    """Read gender and age from nEMO's data.tsv; its speaker_id has eight spaces before it, in each line."""
    with table.open(encoding="utf-8", newline="") as stream:
        lines = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {it["speaker_id"].strip(): (it["gender"], int(it["age"])) for it in lines}


def rows(folder: Path, name: str) -> list[Row]:
    """Give the row of each recording in a folder whose emotion the corpus does not leave out."""
    corpus = CORPORA[name]
    speakers = nemo_speakers(folder / "data.tsv") if name == "nemo" else EMODB_SPEAKERS
    found = []
    for file in list_audio(folder):
        utterance = corpus.grammar.parse(Path(file).stem)
        if utterance.emotion is None or utterance.label in corpus.left_out:
            continue
        rate = soundfile.info(folder / file).samplerate
        samples = read_pcm16(folder / file, sample_rate=rate)
        gender, age = speakers[utterance.speaker]
        found.append(
            Row(
                clip=utterance.clip,
                speaker=utterance.speaker,
                gender=gender,
                age=age,
                emotion=utterance.emotion,
                sentence=utterance.details[corpus.sentence],
                sample_rate=rate,
                frames=len(samples),
                sha256=sha256_of(samples),
            )
        )
    return found


def main() -> None:
    """Read a folder of recordings and write the manifest beside this module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    write_manifest(Path(__file__).with_name(f"{given.corpus}_manifest.csv"), rows(given.folder, given.corpus))


if __name__ == "__main__":
    main()
