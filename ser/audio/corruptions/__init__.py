"""Corruptions of a recording, as training copies and as test conditions: one module each.

A corruption is a frozen dataclass of parameters. ``draw`` draws them from ranges, `Mixture.to_json` keeps
them, and ``apply`` needs nothing else but the recording: noise comes from a seed among the parameters.
`KINDS` in `ser.audio.corruptions.mixture` lists all of them.
"""
