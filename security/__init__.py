"""Who may see it, and the proof of who was shown it: labels, policy, sealing, keys, audit."""
