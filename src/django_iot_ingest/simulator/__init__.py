"""A simulated fleet, for ``iot_simulate``: stations, their gateway, and what must be true afterwards.

``options`` says what is asked for; ``hardware``, ``glances`` and ``payloads`` are the stations and what
they say; ``agenda`` decides what happens next, ``chaos`` what goes wrong on the way; ``line`` and
``delivery`` are the gateway; ``expectation`` knows what the tables have to say, ``tables`` what they
say; ``tally`` counts, ``report`` tells; ``runner`` lets it all go.
"""
