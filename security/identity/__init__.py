"""Identity: local accounts of people, their sessions, and tokens of organisation systems."""
