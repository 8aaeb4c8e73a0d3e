"""Workers of the Kafka installation: composed from a data directory's keys and the control records on Kafka."""
