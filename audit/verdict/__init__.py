"""From figures and limits to verdicts: claims, gates, the choice among variants."""
