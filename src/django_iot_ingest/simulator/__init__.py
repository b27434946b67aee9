"""A simulated fleet, for ``iot_simulate``: stations, their gateway, and what must be true afterwards.

``options`` says what is asked for; ``hardware``, ``glances``, ``payloads`` and ``making`` are the
stations and what they say; ``agenda`` decides what happens next, ``chaos`` what goes wrong on the way;
``line``, ``delivery`` and ``gateway`` are the gateway; ``expectation`` knows what the tables have to
say, ``tables`` and ``watch`` what they say; ``tally`` counts, ``summary`` and ``screen`` tell;
``runner`` lets it all go.
"""
