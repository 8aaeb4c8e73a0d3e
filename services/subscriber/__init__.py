"""The subscriber: a small client that receives a subscription over HTTP and opens what is sealed to it."""
