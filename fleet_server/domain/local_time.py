"""The time the contracts are in."""

ZONE_NAME = "Europe/Belgrade"
