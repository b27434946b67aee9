"""Say what is wrong with one signed request, from the request alone, or with a deployment.

The diagnosis of a signature (``spellings``, ``keys``, ``digests``, ``bodies``, ``stamps``, ``layouts``,
``search``) and of headers knows neither Django nor settings. No module prints or returns a secret, or
the signature that would have been right.
"""
