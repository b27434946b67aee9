"""The fleet page: what needs a person, the numbers, the last hour, and every station.

``FleetAdmin`` in ``page`` is its place in an admin site. Every number comes from an aggregate or from
an index, in a number of statements that does not depend on the size of the fleet.
"""
