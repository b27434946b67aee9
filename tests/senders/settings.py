"""The example project's settings, but for passwords: a good hash is slow on purpose."""

from example_project.settings import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
