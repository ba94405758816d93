"""The pipeline's stages: ``python -m stages.NAME --help`` explains each."""
