"""The stories that the simulated city plants, one module per supervision model."""
