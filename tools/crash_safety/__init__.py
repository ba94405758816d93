"""Crash safety."""
