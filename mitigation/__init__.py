"""Fairer models from a model: reweighting, thresholds, constrained training, calibration."""
