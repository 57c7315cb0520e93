"""The whole way on example recordings that are made on the spot."""
