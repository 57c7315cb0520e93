"""How to train the network that hears a second voice: `python -m curator.recipes.overlap FOLDER OUT.npz`."""
