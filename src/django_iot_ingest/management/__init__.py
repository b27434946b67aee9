"""The management commands, all named ``iot_*``."""
