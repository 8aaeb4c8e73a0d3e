"""What people and agencies touch: gateway, console, command line, node, importer, simulator."""
