"""Count neutrally spoken prompts that get a sure answer of an emotion.

    python -m tools.outside.check_prompts FOLDER                               # a table
    python -m tools.outside.check_prompts FOLDER --write metrics/prompts.json  # what the model card tells

Each folder in FOLDER is a set of prompts, such as an unpacked package with its version in its name.
Announcements are spoken neutrally: a sure answer that is neither neutral nor calm is an error. Prompts
without an answer, such as tones, are left out. docs/model_card.md says where to get some.

Reads   the recordings in FOLDER, however deep
Writes  the counts by model and folder, if asked
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ser.audio.paths import find
from ser.errors import InputError
from ser.files import write_json
from ser.recognizer.bundle_format import SHIPPED, read_bundle
from ser.recognizer.certainty import WORDS
from ser.recognizer.judging import Recognition
from ser.recognizer.recognizer import Recognizer
from stages import command

CALM = ("neutral", "calm")
"""Emotions that a prompt may have."""


def count(results: Iterable[Recognition | InputError]) -> dict[str, Any]:
    """Count the answers for prompts.

    Parameters
    ----------
    results
        What a recognizer gives, of any order.

    Returns
    -------
    dict
        Ready for JSON: ``prompts``, those ``without_answer``, and of the others ``answers``, by word their
        number, ``sure_emotions`` (sure and neither neutral nor calm) by emotion, and their ``share`` of all
        answers, from 0 to 1, None of none.
    """
    words: Counter[str] = Counter()
    emotions: Counter[str] = Counter()
    prompts = 0
    for it in results:
        prompts += 1
        if isinstance(it, InputError):
            continue
        words[it.certainty] += 1
        if it.certainty == WORDS[0] and it.emotion not in CALM:
            emotions[it.emotion] += 1
    answers = words.total()
    return {
        "prompts": prompts,
        "without_answer": prompts - answers,
        "answers": answers,
        **{word: words[word] for word in WORDS},
        "sure_emotions": dict(sorted(emotions.items())),
        "share": round(emotions.total() / answers, 4) if answers else None,
    }


def pool(counts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Add up what `count` gives of several sets."""
    totals: Counter[str] = Counter()
    emotions: Counter[str] = Counter()
    for of_set in counts:
        totals.update({key: of_set[key] for key in ("prompts", "without_answer", "answers", *WORDS)})
        emotions.update(of_set["sure_emotions"])
    share = round(emotions.total() / totals["answers"], 4) if totals["answers"] else None
    return {**totals, "sure_emotions": dict(sorted(emotions.items())), "share": share}


def sets_in(folder: Path) -> dict[str, list[str]]:
    """List the recordings of each folder in a folder.

    Raises
    ------
    InputError
        Where there is no recording in any.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    found = {it.name: find([str(it)]).files for it in sorted(folder.iterdir()) if it.is_dir()}
    found = {name: files for name, files in found.items() if files}
    if not found:
        raise InputError(f"{folder}: no folder with recordings in it")
    return found


def check(folder: Path, *, bundle: Path, models: Iterable[str], jobs: int) -> dict[str, Any]:
    """Recognise all prompts by each of some models.

    Returns
    -------
    dict
        Ready for JSON: ``version`` of the bundle, and ``models``: by name ``all`` and ``sets``, of `count`.
    """
    prompts = sets_in(folder)
    content = read_bundle(bundle)
    by_model = {}
    for name in models:
        recognizer = Recognizer(content, model=name)
        counts = {it: count(recognizer.predict_many(files, jobs=jobs)) for it, files in prompts.items()}
        by_model[name] = {"all": pool(counts.values()), "sets": counts}
    return {"version": content.version, "models": by_model}


def main() -> None:
    """Recognise, and print or write."""
    parser = command.parser(__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder with folders of prompts")
    parser.add_argument("--bundle", type=Path, default=SHIPPED, metavar="FOLDER", help="the exported models")
    parser.add_argument("--model", action="append", metavar="NAME", help="a model; all if none is given")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="recordings at a time")
    parser.add_argument("--write", type=Path, metavar="JSON", help="where to keep the counts")
    arguments: argparse.Namespace = parser.parse_args()
    models = arguments.model or [*read_bundle(arguments.bundle).models]
    found = check(arguments.folder, bundle=arguments.bundle, models=models, jobs=arguments.jobs)
    for name, of_model in found["models"].items():
        for prompts, counts in {**of_model["sets"], "all": of_model["all"]}.items():
            share = "no answer" if counts["share"] is None else f"{counts['share']:.1%}"
            print(f"{name}  {prompts}: {share} of {counts['answers']}, {json.dumps(counts['sure_emotions'])}")
    if arguments.write:
        write_json(arguments.write, found)


if __name__ == "__main__":
    command.run(main)
