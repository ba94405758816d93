"""Transfer learning from Whisper's encoder."""
