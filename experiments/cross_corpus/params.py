"""The schema of this folder's params.yaml."""

from typing import Annotated

from pydantic import Field

from ser.params import Section


class CorpusSource(Section):
    """Where a corpus comes from, and the manifest that its clips are held to.

    Without an address, an environment variable must name the recordings.
    """

    manifest: str
    archive_url: Annotated[str, Field(pattern="^https?://")] | None


class Corpora(Section):
    """One section a corpus, by the names of `experiments.cross_corpus.corpora.CORPORA`."""

    nemo: CorpusSource
    emodb: CorpusSource


class CrossCorpusParams(Section):
    """The corpora beside RAVDESS."""

    corpora: Corpora
