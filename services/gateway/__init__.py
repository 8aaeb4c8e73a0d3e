"""The gateway: the door that agencies publish through."""
