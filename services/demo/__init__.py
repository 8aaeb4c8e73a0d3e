"""The demonstration: a simulated city through a real node, over HTTP, on a clock of its own."""
