"""The local web page and HTTP API of ``ser serve``."""
