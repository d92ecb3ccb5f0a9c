"""Regimes: what a rule or a practice of the field asks to be reported of a finished audit."""
