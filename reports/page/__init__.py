"""The HTML page, and what it shares with a notebook."""
