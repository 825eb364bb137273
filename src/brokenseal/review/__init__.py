"""Local web pages to go through a case: they read the case and its results, and keep notes and decisions beside them."""
