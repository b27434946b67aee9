"""The generated parts of docs/reference: each page's are made by the module of its name.

``python -m tests.reference --write`` writes them; ``tests/test_reference.py`` compares them.
"""
