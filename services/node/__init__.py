"""The node: everything in one, over one data directory."""
