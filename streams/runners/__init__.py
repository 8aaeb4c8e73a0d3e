"""Runners drive the pure cores: embedded, back-test, Kafka."""
