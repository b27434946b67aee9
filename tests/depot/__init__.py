"""The second host: other model names, UUID keys, columns of its own. App label ``depot``."""
