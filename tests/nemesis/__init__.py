"""The nemesis: real servers are killed while a gateway double returns rented power banks.

``python -m tests.nemesis`` runs it; docs/explanation/nemesis.md says how to read what it prints.
"""
