"""The version of the package, on its own: every folder may know it."""

__version__ = "0.1.0"
