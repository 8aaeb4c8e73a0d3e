"""History into a node: files of rows, read by a mapping file, become events."""
