"""From a recording to an answer: windows of speech, the exported network, what is told of its probabilities."""
