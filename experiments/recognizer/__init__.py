"""Recognizer."""
