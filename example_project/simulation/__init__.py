"""The demo: surroundings, server, gateway, story, tables, and a crowd at last. Started by ``demo.py``."""
