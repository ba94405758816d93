"""Stages of the model on the first layers of Whisper's encoder."""
