"""Run a voice: f0, content encoders, the synthesizer network, retrieval and the conversion pipeline."""
