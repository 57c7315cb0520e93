"""Make a voice: features of a set, discriminators, losses, the training loop, checkpoints and publishing."""
