"""Metrics and statistics over arrays and counts; imports no other room."""
