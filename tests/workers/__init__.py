"""Deferred mode with real workers: the settings they share, and a sender whose bell rings for them."""
