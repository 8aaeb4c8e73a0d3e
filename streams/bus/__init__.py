"""The bus: topics of records, named stores and positions, changed together or not at all."""
