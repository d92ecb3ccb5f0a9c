"""The one exception that says 'what you gave cannot be used'."""

from __future__ import annotations


class InputError(ValueError):
    """Bad configuration, data or model: one line saying what was expected, what came and where.

    The command line prints it without a traceback and exits with code 2.
    """
