"""Supervision: models as files, a pure engine over the facts of a key, marks, findings.

`Model.load(path)` compiles a file; `report.evaluate(model, key, facts, marks)` is the whole meaning of a model;
`Engine.apply` runs models over a store of keys and gives the changes of alerts. Nothing here reads a clock, a file
beside the model, a network or a database.
"""
