"""The fleet of a power-bank rental: stations, slots, banks, and the rentals that are paid."""
