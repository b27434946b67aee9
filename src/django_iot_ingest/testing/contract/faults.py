"""What a check can find at fault, in words, and where to look then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by its name."""

    name: str
    look_at: str

    def told(self, seen: str) -> str:
        """Return the message of a check that found it."""
        return f"{self.name}: {seen}\nLook at: {self.look_at}"


HOOK_TWICE = Fault(
    "hook applied twice",
    "an apply_returned() of yours that calls super() or the hook more than once, an event type of "
    'yours that replaced "returned" without exactly_once = True, a receiver that ends rentals too.',
)
RENTAL_NOT_BEGUN = Fault(
    "a rental ended that had not begun",
    "on_power_bank_returned() has to leave rentals alone that began after event.occurred_at.",
)
RETURN_LOST = Fault(
    "return lost",
    "an apply_returned() of yours, or an event type, that swallows what the hook raises.",
)
NO_EFFECT = Fault(
    "a return did nothing",
    "on_power_bank_returned() that swallows an error of its own, or does not find the rental.",
)
EFFECTS_STAY = Fault(
    "a refused hook left something behind",
    "on_power_bank_returned() may write through the event's own database connection alone; a "
    "payment or a message belongs into transaction.on_commit() or a receiver of "
    "power_bank_returned.",
)
STALE_ACCEPTED = Fault(
    "stale accepted",
    "an apply_full() or apply_status() of yours that changes event_time, last_full_at or "
    "last_status_at, a hook that saves a whole station.",
)
COLUMN_OVERWRITTEN = Fault(
    "operator column overwritten",
    "hooks, save() methods and receivers that write it; save(update_fields=...) leaves the others "
    "alone. A column that is the hooks' own belongs into written_by_hooks.",
)
RENTED_UNDONE = Fault(
    "a rented bank was taken back",
    "EJECT_GRACE, and hooks that write the status of a bank: RENTED ends by a return alone.",
)
TWO_IN_A_SLOT = Fault(
    "two banks in one slot",
    "hooks, save() methods and receivers that write current_slot.",
)
NO_LOCK = Fault(
    "no lock",
    "the base manager of your power bank has to pass select_for_update() on to the database, and "
    "so has a tables of your service.",
)
RENTED_TWICE = Fault(
    "rented twice",
    "begin a rental with power_bank.mark_rented(), inside the transaction that creates it.",
)
