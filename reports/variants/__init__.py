"""The chapter on variants: what was made, what it costs, what it changes."""
