"""The audit: configuration, runner, typed result, gate and run folder."""
