"""A page to look with: a finished run's thresholds, slices and gates, counted anew while a slider moves."""
