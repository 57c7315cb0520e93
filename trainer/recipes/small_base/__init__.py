"""How the small preset's base weights are made: anyone can make them again."""
