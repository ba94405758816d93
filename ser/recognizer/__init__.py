"""From a recording to an answer: windows of speech, the exported network, the answer by its probabilities."""
