"""From a recording to an answer: windows of speech, an encoder, and classifiers on its layers."""
