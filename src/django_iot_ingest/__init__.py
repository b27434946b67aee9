"""Receive signed data from devices in a Django project, exactly once."""

__version__ = "0.1.0"
