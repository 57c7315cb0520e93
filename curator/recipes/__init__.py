"""Recipes for the small networks that the scores carry: how anyone can train them again."""
