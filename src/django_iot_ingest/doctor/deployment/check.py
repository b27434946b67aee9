"""Look at the whole deployment, one side after the other, and report all of it."""

from __future__ import annotations

import django

from django_iot_ingest import __version__
from django_iot_ingest.doctor.deployment import addresses, databases, probe, settings
from django_iot_ingest.doctor.deployment.looks import Look, Question, guarded
from django_iot_ingest.doctor.findings import Severity, counted
from django_iot_ingest.doctor.show import Report

LOOKS: tuple[Look, ...] = (
    settings.system_checks,
    settings.debug,
    settings.secrets,
    settings.clock_window,
    settings.bearers,
    settings.upload_limit,
    addresses.url,
    addresses.redirects,
    addresses.host,
    addresses.proxies,
    addresses.client,
    databases.database,
    databases.fast_path,
    databases.migrations,
    databases.clocks,
    databases.waiting,
    probe.own_stack,
    probe.server,
)


def report_of(question: Question) -> Report:
    """Return what was found about this project."""
    findings = [finding for look in LOOKS for finding in guarded(look, question)]
    faults = sum(finding.severity == Severity.FAULT for finding in findings)
    warnings = sum(finding.severity == Severity.WARNING for finding in findings)
    line = f"django-iot-ingest {__version__}, Django {django.__version__}."
    return Report(
        {"deployment": line},
        [line],
        findings,
        f"{counted(faults, 'fault')}, {counted(warnings, 'warning')}.",
    )
