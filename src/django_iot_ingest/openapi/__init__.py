"""The OpenAPI description of the endpoint, for a project that uses drf-spectacular.

``schemas`` and ``answers`` hold it as plain dictionaries and need nothing; ``extensions`` hands them
to drf-spectacular, and is imported only where that is among ``INSTALLED_APPS``.
"""
