"""Score the model on another corpus of acted emotions, by the labels that its file names hold.

  ser evaluate EmoDB/wav --corpus emodb            tables
  ser evaluate CREMA-D/AudioWAV --corpus crema_d --jobs 2 --json

UAR is over the emotions that the corpus shares with RAVDESS. The probabilities of emotions that it does not
have, mostly calm, are left out and the others scaled to sum to 1; nothing of calm is added to neutral.
Recordings of emotions that RAVDESS does not have are left out. The interval is by bootstrap over speakers.

--json has n, speakers, uar, uar_low, uar_high, accuracy, per_emotion, per_speaker, confusion, and what was
not used; its scores are from 0 to 1, those of the tables percentages.

exit codes:
  0  all files were used                 1  one has another name, or cannot be read: standard error names it
  2  the command was called wrongly
"""

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from ser.audio.paths import printable
from ser.cli.options import add_jobs, add_model
from ser.data.corpus_folder import Recordings, read_folder
from ser.data.other_corpora import CORPORA
from ser.errors import InputError
from ser.evaluation.cross_corpus import format_score, score
from ser.recognizer.recognizer import Recognizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ser evaluate``."""
    parser.add_argument("folder", type=Path, metavar="CORPUS_DIR", help="where the corpus is, however deep")
    parser.add_argument("--corpus", choices=CORPORA, required=True, help="which corpus it is")
    add_model(parser)
    add_jobs(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on one line")


def run(arguments: argparse.Namespace) -> int:
    """Recognise every recording and score; the exit code is 0 where all files could be used."""
    corpus = CORPORA[arguments.corpus]
    found = read_folder(arguments.folder, corpus)
    recognizer = Recognizer.load(arguments.bundle, model=arguments.model)
    paths = [recording.path for recording in found.shared]
    results = tqdm(
        recognizer.predict_many(paths, jobs=arguments.jobs),
        total=len(paths),
        unit="file",
        disable=None,
        file=sys.stderr,
        leave=False,
    )
    scored, failed = [], []
    for recording, result in zip(found.shared, results, strict=True):
        if isinstance(result, InputError):
            failed.append(result)
        else:
            scored.append((recording.utterance, result.probabilities))
    problems = [*found.problems, *failed]
    for problem in problems:
        print(f"error: {printable(str(problem))}", file=sys.stderr)
    if not scored:
        raise InputError(f"{arguments.folder}: none of the {len(paths)} recordings could be recognised")

    outcome = score(corpus, scored)
    if arguments.json:
        about = {"corpus": arguments.corpus, "model": recognizer.bundle.version, "note": corpus.note}
        print(json.dumps({**about, **outcome, **_unused(found, len(failed))}))
    else:
        print(format_score(corpus, outcome, found))
        if problems:
            files = "1 file" if len(problems) == 1 else f"{len(problems)} files"
            print(f"Skipped: {files}, named on standard error.")
    return 1 if problems else 0


def _unused(found: Recordings, failed: int) -> dict[str, object]:
    return {
        "left_out": found.left_out,
        "doubled": len(found.doubled),
        "misnamed": len(found.problems),
        "failed": failed,
    }
