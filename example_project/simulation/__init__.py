"""The demo: surroundings, server, gateway, story, tables. Started by ``demo.py``."""
