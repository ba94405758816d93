"""Emotion recognition on corpora that took no part in training: the experiment of this folder's README."""
