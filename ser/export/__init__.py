"""From results to what is exported: temperature, expected score, and licence of the models."""
