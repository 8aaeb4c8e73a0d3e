"""The officer's tools over an audit log: an index that nobody has to trust, and search whose hits are proved."""
