"""The front page and the pages behind it: what a reader sees before every figure of the annex."""
