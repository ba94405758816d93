"""The README and the docs: their tables, their graph and their pictures are made from what they show."""
