"""What is said at the end of a scan: the incident document as JSON, the terminal report, and the progress display.

Everything here is drawn from the incident document alone, so a stored document renders the same as a fresh one.
Importing this package imports neither Rich nor jsonschema.
"""
