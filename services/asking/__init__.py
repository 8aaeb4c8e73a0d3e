"""Asking for a subscription through the gateway: a wish, what it would get, its review by people of the node."""
