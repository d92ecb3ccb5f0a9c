"""Metrics and statistics over arrays and counts; imports nothing else of ours."""
