"""The Kafka runner: Faust for the group, partitions, agents and life; exactness is our own.

Per input partition: one transactional producer, one changelog partition, one gate. See docs/adr/0010-faust-exact.md.
"""
