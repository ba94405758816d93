"""From a waveform to features: log-mel, functionals, and hidden states of a pretrained speaker encoder."""
