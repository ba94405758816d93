"""The schema of this folder's params.yaml, a section a protocol."""

from ser.params import InnerFolds, Section, Seeds


class Protocol(Section):
    """How the final models are trained under one more protocol; all else is as in the main pipeline."""

    seeds: Seeds
    inner_folds: InnerFolds


class ProtocolsParams(Section):
    """The protocols of experiments/protocols and experiments/protocols/loso, a section each."""

    emobox6: Protocol
    loso: Protocol
    article: Protocol
