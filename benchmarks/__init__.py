"""Measurements of speed and memory, side by side in one run; see README.md. Nothing here is a test."""
