"""Speech emotion recognition on RAVDESS: the library behind the stages."""
