"""Scores: one module a family, each saying what its numbers mean and where they hold."""
