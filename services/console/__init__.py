"""The console: the district dashboards in a browser. Its own process; it holds no key, no log, no database.

Everything it shows is a view model that the node's desk made for the signed-in person; everything a person does is a
call to the desk. Pages render values; they decide nothing.
"""
