"""Sigma rules on the event tables: reading them, SQL conditions, raw-line prefilter, matching and correlations."""
