"""The names of the package that others may type: module by module. What is not here is private.

A name is followed by the members that are public with it: ``ALL`` is each that has no underscore and
is written in the package itself; none are the framework's own ways to use such a class.
"""

from __future__ import annotations

ALL = ("*",)

HOOKS = (
    *("get_station_defaults", "get_power_bank_defaults"),
    *("on_station_created", "on_station_status_changed"),
    *("on_power_bank_returned", "on_power_bank_missing"),
)
RULES = ("apply_full", "apply_returned", "apply_status")

IN_THEIR_OWN_ADMIN = ("get_device_context",)

PUBLIC: dict[str, dict[str, tuple[str, ...]]] = {
    "": {"__version__": ()},
    "models": {
        "AbstractStation": ("Status",),
        "AbstractStationSlot": ("Status", "power_bank"),
        "AbstractPowerBank": ("Status", "mark_rented"),
        "IngestEvent": ("State",),
        "StationStatusChange": ("Trigger",),
        "Fleet": (),
        "RefusedRequest": (),
    },
    "models.fields": {"SerialNumberField": ()},
    "services": {"StationSyncService": (*HOOKS, *RULES), "Outcome": ("warn", "defer")},
    "events": {
        "StationCreated": (),
        "StationStatusChanged": (),
        "PowerBankReturned": (),
        "PowerBankMissing": (),
        "StationReport": (),
        "FullReport": (),
        "ReturnReport": (),
        "StatusReport": (),
        "DeviceReport": (),
        "SlotReport": (),
        "PowerBankReport": (),
        "IngestWarning": (),
        "Receipt": ("body",),
        "WarningCode": (),
        "Source": (),
    },
    "event_types": {
        "EventType": ("exactly_once", "name", "newest_counts", "read", "apply"),
        "register": (),
        "unregister": (),
        "names": (),
        "label": (),
    },
    "wire": {"Reader": ALL},
    "exceptions": {"AlreadyRented": (), "Refusal": (), "TemporarilyUnavailable": ()},
    "signing": {"sign": (), "verify": ()},
    "authentication": {
        "SignatureAuthentication": ("authenticate", "authenticate_header"),
        "SignedRequest": ("receipt", "token"),
    },
    "network": {"is_allowed": ()},
    "views": {"StationDataInternalView": ()},
    "signals": {
        "station_synced": (),
        "station_status_changed": (),
        "power_bank_returned": (),
        "power_bank_missing": (),
        "event_failed": (),
        "request_refused": (),
    },
    "client": {"Sender": ALL, "Answer": ALL, "send": (), "signed_headers": (), "log_in": ()},
    "tasks": {"iot_drain": (), "iot_sweep": (), "iot_mark_offline": (), "iot_prune": ()},
    "drain": {"drain": ()},
    "refusals": {"counts": ()},
    "health": {"report": (), "HealthView": ("token",)},
    "metrics": {"MetricsView": ("registry", "token"), "of_all_processes": ()},
    "json_lines": {"JsonFormatter": ()},
    "admin": {
        "StationAdminMixin": IN_THEIR_OWN_ADMIN,
        "StationSlotAdminMixin": (),
        "PowerBankAdminMixin": IN_THEIR_OWN_ADMIN,
        "IngestEventAdmin": (),
        "StationStatusChangeAdmin": (),
        "RefusedRequestAdmin": (),
        "FleetAdmin": ("refresh_seconds", "kept_seconds"),
        "register_pages": (),
    },
    "fleet.page": {"FleetAdmin": ()},
    "testing": {
        "GatewayClient": ALL,
        "ChaosGateway": ALL,
        "Sent": ALL,
        "StationSyncContract": (
            *("prepare_rental", "effects", "written_by_hooks", "operator_value", "make_gateway"),
        ),
        "full_snapshot": (),
        "returned": (),
        "status": (),
        "slot_row": (),
        "bank_row": (),
        "stamp": (),
        "encode": (),
        "STATION": (),
        "BANK": (),
    },
}

PRIVATE: dict[str, set[str]] = {
    "models.fields": {"exact_collation"},
    "events": {"add_warning"},
    "event_types": {"Full", "Returned", "Status", "find", "read", "read_receipt"},
    "wire": {
        *("choice", "clean_json", "clean_text", "is_serial", "is_whole"),
        *("read_device", "read_return", "read_status"),
    },
    "exceptions": {
        *("Interrupted", "InvalidJson", "InvalidPayload", "InvalidSignature", "IpNotAllowed"),
        *("LengthRequired", "MethodNotAllowed", "NotAuthenticated", "NotPermitted"),
        *("PayloadTooLarge", "StaleTimestamp", "UnknownType", "UnsupportedMediaType"),
    },
    "signing": {"has_valid_shape", "is_key", "matching_secret"},
    "authentication": {"Arrival"},
    "network": {"AllowList", "client_address", "parse_entry", "parse_network", "read_address"},
    "signals": {"ObserverSignal"},
    "client": {"check_url", "post"},
    "drain": {"is_behind"},
    "refusals": {"Tally", "note", "store"},
    "metrics": {"install"},
    "json_lines": {"fields_of"},
}
"""Classes and functions without an underscore, in modules with public names, that are private."""

INBOX_COLUMNS = (
    *("event_type", "device_serial", "event_time", "received_at"),
    *("state", "attempts", "result"),
)
"""Of the inbox: the rest is our own bookkeeping. Of the abstract models every column is the host's."""

TEMPLATES = ("admin/station.html", "admin/power_bank.html")
"""Those that a host's own template may extend; their blocks are those of Django's admin."""
