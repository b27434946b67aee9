"""The harness's own tables. They point at no host row, so they need no migration."""

from __future__ import annotations

from django.db import models


class Outing(models.Model):
    """One rental of the run, by the number of the return that will end it."""

    number = models.PositiveIntegerField(primary_key=True)
    rental_id = models.BigIntegerField(unique=True)

    def __str__(self) -> str:
        return f"{self.number}: rental {self.rental_id}"


class BillingEntry(models.Model):
    """What one call of the hook billed. Rows are only ever added: a second call shows.

    ``rental_id`` is the rental that this call ended, or None if there was none to end.
    """

    number = models.PositiveIntegerField(db_index=True)
    rental_id = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.number} billed for rental {self.rental_id}"


class SeenDigest(models.Model):
    """A body that ``check_then_act`` has applied. Not unique: that is its flaw."""

    digest = models.CharField(max_length=64, db_index=True)

    def __str__(self) -> str:
        return self.digest


class UniqueDigest(models.Model):
    """A body that ``one_transaction`` has applied."""

    digest = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return self.digest
