"""Keys: the keystore port, the names of keys, and the adapter that keeps them in one private file."""
