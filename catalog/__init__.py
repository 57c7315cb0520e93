"""What is known: the library folder, its database, recordings, clips, scores, verdicts, sets, runs and models."""
