"""The model that is exported, trained on all actors."""
