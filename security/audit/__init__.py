"""The audit log: hash-chained records inside RFC 6962 leaves, signed heads, recovery, verification (ADR 0005)."""
