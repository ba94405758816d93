"""The report: one HTML page, made of metrics and figures that it is given."""
