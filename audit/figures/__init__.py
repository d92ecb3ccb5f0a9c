"""From predictions to figures: slices, disparities, findings, pairs of variants and their changes."""
