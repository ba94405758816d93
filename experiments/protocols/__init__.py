"""The final models under other protocols than the main pipeline's."""
