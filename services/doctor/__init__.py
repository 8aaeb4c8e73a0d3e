"""The doctor: checks of a machine, a data directory and a Kafka, each with what to do where it fails."""
