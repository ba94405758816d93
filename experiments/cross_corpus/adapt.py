"""Adapt models to a set-up, and to a speaker, by recordings without labels, and score the other ones.

A model is adapted with clips that are drawn from a mix of emotions, and scored on the other clips of the same
set-up or speaker; no clip that it was adapted with is scored with that draw. On none of them was it trained:

ravdess, ravdess_COPY  the general model, speakers left out as LUNA5 tests them; recordings, and copies of one
                       kind; a fold's speakers are a set-up
nemo                   the model of RAVDESS alone; all of nEMO is a set-up
nemo_speakers          the general model, speakers left out; a fold's speakers are a set-up
emodb                  the general model; all of EMO-DB is a set-up. It is read last and chooses nothing

Reads   metrics/cross_corpus.json, for the settings of both models; data/clips.parquet,
        data/splits/luna5.parquet, data/features/{clean,corrupted}/layers.npy,
        data/cross_corpus/nemo/{clips.parquet,layers.npy,copies.npy,draws.parquet},
        data/cross_corpus/emodb/{clips.parquet,layers.npy}
Writes  metrics/adaptation_of_layers.json   by set-up or speaker, corpus, mix and number of clips, what each
                                            method changes; and what warnings cost and miss
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from experiments.cross_corpus.adaptation_scores import Pool, Tested, try_all, unless_below
from experiments.cross_corpus.clips import Clips
from experiments.cross_corpus.inputs import FIRST, SECOND, TEST, read_corpus, read_development
from experiments.cross_corpus.params import CrossCorpusParams
from experiments.cross_corpus.training import CorpusStatistics, Group, Setting, Training, gather
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.evaluation.calibration import fit_temperature
from ser.files import write_json
from ser.models.layers.linear import LinearLayers, softmax
from ser.params import load, load_params
from ser.recognizer.adaptation import FEWEST, ONE_SIDED_BELOW, PRIOR, centres_of
from ser.recognizer.bundle_format import ExportedModel
from ser.recognizer.certainty import Thresholds
from stages import command

SCORES = "metrics/cross_corpus.json"


@dataclass(frozen=True)
class Corpora:
    """Development clips, from whose statistics models are made.

    Attributes
    ----------
    clips : Clips
        RAVDESS and nEMO with their copies.
    groups : dict of Group to CorpusStatistics
        Statistics of each group of speakers.
    """

    clips: Clips
    groups: Mapping[Group, CorpusStatistics]

    def recordings(self, corpus: str, copy: str = "") -> Clips:
        """Give the recordings of a corpus, or their copies of one kind."""
        return self.clips.take((self.clips.corpus == corpus) & (self.clips.copy == copy))

    def groups_of(self, corpus: str) -> list[Group]:
        """List the groups of speakers of a corpus."""
        return [group for group in self.groups if group[0] == corpus]

    def linear(self, setting: Setting, without: Sequence[Group]) -> LinearLayers:
        """Train on all groups but some."""
        return Training.of(self.groups, first=FIRST, without=without).model(setting)

    def exported(self, linear: LinearLayers, temperature: float, without: Sequence[Group]) -> ExportedModel:
        """Give a model as it would be exported, with the centres of RAVDESS's clips of training speakers."""
        clips = self.recordings(FIRST)
        rows = clips.take(~np.isin(clips.fold, [fold for corpus, fold in without if corpus == FIRST]))
        centres = centres_of(linear, rows.x, rows.y)
        return ExportedModel(linear, temperature, Thresholds(0.0, 0.0, 0.0), about={}, centres=centres)


@dataclass(frozen=True)
class Recipe:
    """One of the two models, which is trained anew for each group that is left out.

    Attributes
    ----------
    corpora : Corpora
        What it is trained on.
    setting : Setting
        Its setting.
    unused : sequence of Group
        Groups that have no part in it.
    temperature : float
        Geometric mean of those that left-out speakers of each corpus give.
    trained : dict of Group to LinearLayers
        The models that were trained without a group.
    """

    corpora: Corpora
    setting: Setting
    unused: Sequence[Group]
    temperature: float
    trained: Mapping[Group, LinearLayers]

    @classmethod
    def fit(cls, corpora: Corpora, setting: Setting) -> "Recipe":
        """Fit the temperature; without a weight of the other corpora, they have no part."""
        unused = [] if setting.weight else corpora.groups_of(SECOND)
        groups = [it for it in corpora.groups if it not in unused]
        trained = {it: corpora.linear(setting, [*unused, it]) for it in groups}
        temperatures = []
        for corpus in dict.fromkeys(name for name, _ in groups):
            clips = corpora.recordings(corpus)
            answers = np.empty((len(clips.y), len(EMOTIONS)))
            for fold in np.unique(clips.fold):
                rows = clips.fold == fold
                answers[rows] = trained[corpus, int(fold)].logits(clips.x[rows])
            temperatures.append(fit_temperature(softmax(answers), clips.y))
        return cls(corpora, setting, unused, float(np.exp(np.mean(np.log(temperatures)))), trained)

    def model(self, without: Group | None = None) -> ExportedModel:
        """Train on all groups, or take the model that was trained on all but one."""
        if without is None or without in self.unused:
            linear, left_out = self.corpora.linear(self.setting, self.unused), [*self.unused]
        else:
            linear, left_out = self.trained[without], [*self.unused, without]
        return self.corpora.exported(linear, self.temperature, without=left_out)


def left_out_speakers(recipe: Recipe, clips: Clips, *, corpus: str, by_speaker: bool) -> Tested:
    """Give clips of a training corpus, each group of speakers with a model that was trained without it.

    Parameters
    ----------
    recipe
        The model.
    clips
        Recordings, or copies of one kind.
    corpus
        Name of the corpus.
    by_speaker
        Whether a speaker is what is adapted to, rather than a group.
    """
    models = {fold: recipe.model((corpus, fold)) for _, fold in recipe.corpora.groups_of(corpus)}
    return _tested(clips, [models[fold] for fold in clips.fold], _parts(clips, clips.fold, by_speaker))


def unseen_corpus(recipe: Recipe, clips: Clips, *, by_speaker: bool) -> Tested:
    """Give clips of a corpus that had no part in training, with the model; see `left_out_speakers`."""
    everyone = np.zeros(len(clips.y), dtype=np.int64)
    return _tested(clips, [recipe.model()] * len(clips.y), _parts(clips, everyone, by_speaker))


def _parts(clips: Clips, fold: np.ndarray, by_speaker: bool) -> list[np.ndarray]:
    label = clips.actor if by_speaker else fold
    return [np.flatnonzero(label == it) for it in np.unique(label)]


def _tested(clips: Clips, models: Sequence[ExportedModel], parts: Sequence[np.ndarray]) -> Tested:
    pools = [Pool(rows, models[rows[0]]) for rows in parts]
    logits = np.empty((len(clips.y), clips.x.shape[1], len(EMOTIONS)))
    for pool in pools:
        logits[pool.rows] = pool.model.linear.layer_logits(clips.x[pool.rows].astype(np.float64))
    return Tested(logits, clips.y, clips.actor, clips.emotions, pools)


def all_tested(
    general: Recipe, alone: Recipe, copies: Sequence[str], *, by_speaker: bool
) -> Iterator[tuple[str, Tested]]:
    """Give the corpora by their names, the test corpus last."""
    corpora = general.corpora
    for copy in ("", *copies):
        clips = corpora.recordings(FIRST, copy)
        name = f"{FIRST}_{copy}" if copy else FIRST
        yield name, left_out_speakers(general, clips, corpus=FIRST, by_speaker=by_speaker)
    nemo = corpora.recordings(SECOND)
    yield SECOND, unseen_corpus(alone, nemo, by_speaker=by_speaker)
    yield f"{SECOND}_speakers", left_out_speakers(general, nemo, corpus=SECOND, by_speaker=by_speaker)
    yield TEST, unseen_corpus(general, read_corpus(TEST), by_speaker=by_speaker)


def read_settings() -> tuple[Setting, Setting]:
    """Read the settings of the general model, and of that of RAVDESS alone."""
    try:
        found = json.loads(Path(SCORES).read_text(encoding="utf-8"))
        return Setting(**found["chosen"]), Setting(**found["compared"]["ravdess"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{SCORES}: cannot be read ({error}); run the stage score_corpora") from error


def judge_thresholds(found: Mapping[str, Any], thresholds: Sequence[float]) -> dict[str, Any]:
    """Tell what adaptation costs where nothing warns, and how often a warning is in vain.

    Parameters
    ----------
    found
        Scores by set-up or speaker, corpus, mix and number of clips. The test corpus is left out, and numbers
        of clips below `FEWEST`.
    thresholds
        Numbers of emotions below which clips look one-sided.

    Returns
    -------
    dict
        By threshold: ``accuracy``, the worst mean over numbers of clips of what a mix loses in a corpus where
        the draws that look one-sided are not adapted with, and ``accuracy_of_copies`` for corrupted copies;
        ``false_alarms``, the greatest share of balanced draws of a set-up that look one-sided; ``caught``,
        the mean share of draws of one emotion that do. Nothing where there are no such scores.
    """
    judged = {}
    for threshold in thresholds:
        costs: dict[bool, list[float]] = {False: [], True: []}
        balanced, alone = [], []
        for kind, corpus, mix, rows in _enough_clips(found):
            told = [it[unless_below(threshold)]["accuracy"] for it in rows]
            if None not in told:
                costs[corpus.startswith(f"{FIRST}_")].append(float(np.mean(told)))
            shares = [it["looks_one_sided"][f"{threshold:g}"] for it in rows]
            balanced += shares if (kind, mix) == ("set_up", "balanced") else []
            alone += shares if mix == "one_emotion" else []
        if not (costs[False] and balanced and alone):
            continue
        judged[f"{threshold:g}"] = {
            "accuracy": round(min(costs[False]), 4),
            "accuracy_of_copies": round(min(costs[True]), 4) if costs[True] else None,
            "false_alarms": round(max(balanced), 4),
            "caught": round(float(np.mean(alone)), 4),
        }
    return judged


def _enough_clips(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str, list[Mapping[str, Any]]]]:
    """Give kind, corpus, mix and scores of development corpora with enough clips to adapt with."""
    for kind in ("set_up", "speaker"):
        for corpus, by_mix in found[kind].items():
            for mix, by_number in by_mix.items():
                rows = [it for n_clips, it in by_number.items() if int(n_clips) >= FEWEST]
                if rows and corpus != TEST:
                    yield kind, corpus, mix, rows


def main() -> None:
    """Make the models, adapt and score, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    every = load("experiments/cross_corpus/params.yaml", CrossCorpusParams)
    own, scored = every.adapt_corpora, every.score_corpora
    settings = read_settings()
    how = {"samples": params.evaluate.bootstrap_samples, "seed": params.evaluate.bootstrap_seed}
    with threadpool_limits(1):
        clips = read_development(
            list(params.encode_layers.copies),
            n_folds=scored.speaker_folds,
            with_copies=True in scored.settings.copies,
        )
        corpora = Corpora(clips, gather(clips))
        general, alone = (Recipe.fit(corpora, setting) for setting in settings)
        found: dict[str, Any] = {}
        kinds = (
            ("set_up", own.set_up_clips, own.set_up_seeds),
            ("speaker", own.speaker_clips, own.speaker_seeds),
        )
        for kind, numbers, seeds in kinds:
            found[kind] = {}
            tests = all_tested(general, alone, own.copies, by_speaker=kind == "speaker")
            for name, tested in tests:
                by_mix = found[kind].setdefault(name, {})
                tried = try_all(tested, clips=numbers, seeds=seeds, thresholds=own.thresholds, **how)
                for mix, n_clips, scores in tried:
                    by_mix.setdefault(mix, {})[str(n_clips)] = scores
                print(f"{kind} {name}: done", flush=True)
    constants = {"prior": PRIOR, "fewest": FEWEST, "one_sided_below": ONE_SIDED_BELOW}
    temperatures = {"general": round(general.temperature, 4), "ravdess": round(alone.temperature, 4)}
    warning = judge_thresholds(found, own.thresholds)
    about = {**constants, "temperature": temperatures, "thresholds": warning}
    write_json("metrics/adaptation_of_layers.json", {**about, **found})
    for threshold, it in warning.items():
        print(f"{threshold}: {it}")


if __name__ == "__main__":
    command.run(main)
