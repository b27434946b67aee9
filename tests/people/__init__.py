"""A project whose users are as lean as Django lets them be, in a process of its own.

``python -m tests.people`` prints what each request is answered, as JSON.
"""
