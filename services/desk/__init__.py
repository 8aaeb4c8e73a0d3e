"""The desk: the node's loopback interface for its console. It decides, audits and opens; the console only shows."""
