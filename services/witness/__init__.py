"""A witness: cosigns the heads of other agencies' audit logs (C2SP tlog-witness), one SQLite file."""
