"""The command line: `casebus`."""
