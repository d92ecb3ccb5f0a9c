"""Recipes that make a lighter model, what they cost, and what they changed."""
