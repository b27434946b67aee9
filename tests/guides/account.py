"""Who runs, compares or makes each block of the pages; ``test_every_block.py`` holds it to be complete.

A block is named by what its first line begins with.
"""

from __future__ import annotations

GUIDES = (
    *("behind-nginx", "deferred-with-celery-or-another-backend", "move-an-existing-integration"),
    *("own-authentication", "own-event-type", "own-models", "own-sync-service"),
    *("rotate-a-secret", "troubleshoot"),
)

WALKED = {
    "docs/tutorial.md": "tests/guides/test_tutorial.py::test_every_block_does_what_the_page_says",
    "docs/how-to/postgresql-with-several-workers.md": (
        "tests/guides/test_guides.py::test_twelve_copies_meet_two_workers"
    ),
    "docs/how-to/translate.md": (
        "tests/test_admin_translate.py::test_every_block_is_run_here_or_with_the_catalogues"
    ),
    **{
        f"docs/how-to/{name}.md": (
            "tests/guides/test_guides.py::test_every_block_does_what_the_page_says"
        )
        for name in GUIDES
    },
}
"""Pages that are done from top to bottom, or whose test fails at a block of another kind; and the test."""

_FIRST_SCREEN = "tests/test_readme.py::test_the_first_screen_receives_a_signed_snapshot"
_PARTS = "tests/guides/test_contributing.py::test_every_file_and_every_environment_is_there"
_TOOLS = "tests/guides/test_contributing.py::test_every_tool_is_there"
_KIT = "tests/test_testing_page.py::test_every_block_of_the_page_runs"
_FAULT = "tests/test_testing_faults.py::test_a_planted_fault_is_named"
_OTHER_NAMES = "tests/test_readme.py::test_a_host_with_other_names_receives_it_too"

RUN = {
    "README.md": {
        "pip install": "tests/tutorial.py",
        "# settings.py": _FIRST_SCREEN,
        "# fleet/models.py": _FIRST_SCREEN,
        "# fleet/sync.py": _FIRST_SCREEN,
        "# urls.py": _FIRST_SCREEN,
        "export IOT_SYSTEM_SIGNATURE_SECRET": _FIRST_SCREEN,
        '{"success": true': _FIRST_SCREEN,
        "make demo": "tests/guides/test_code.py::test_what_can_be_made_is_made_in_ci",
        "from django_iot_ingest.exceptions": (
            "tests/guides/test_code.py::test_a_bank_is_marked_as_rented_once"
        ),
        "# depot/models.py": _OTHER_NAMES,
        "from django_iot_ingest.services": (
            "tests/guides/test_code.py::test_the_hooks_are_those_that_there_are"
        ),
        "# fleet/alarms.py": "tests/guides/test_code.py::test_an_event_type_is_one_class",
        "python manage.py iot_sweep": (
            "tests/guides/test_commands.py::test_what_runs_by_itself_and_by_an_operator"
        ),
        "python manage.py iot_doctor": (
            "tests/guides/test_commands.py::test_what_brings_a_sender_and_the_endpoint_together"
        ),
    },
    "CONTRIBUTING.md": {
        "make lint": "tests/guides/test_contributing.py::test_every_target_of_make_is_there",
        ".venv/bin/pytest": _PARTS,
        ".venv/bin/tox": _PARTS,
        ".venv/bin/python -m django makemigrations": _TOOLS,
        ".venv/bin/python -m tests.public_api": _TOOLS,
        ".venv/bin/python -m tests.security": _PARTS,
        "python -m tests.released": _TOOLS,
    },
    "clients/README.md": {
        '{"type":"status"': "tests/senders/test_page.py::test_the_readme_has_the_known_answer",
    },
    "docs/explanation/scale.md": {
        "ALTER TABLE fleet_station": "tests/test_scale.py::test_the_advice_on_tables_runs",
        "# fleet/migrations": (
            "tests/guides/test_code.py::test_the_migration_runs_the_sql_that_is_tried"
        ),
        "SELECT iot_inbox_add_days": "tests/test_scale.py::test_the_nightly_statements_run",
        "[pgbouncer]": "tests/test_pgbouncer.py::test_the_pooler_takes_the_options_of_the_page",
        "# settings.py": (
            "tests/guides/test_code.py::test_a_host_of_a_pooler_has_the_settings_that_are_tried"
        ),
        "# fleet/routers.py": "tests/test_replicas.py::test_the_router_does_send_reads_there",
    },
    "docs/how-to/admin.md": {
        "# fleet/admin.py": "tests/test_admin.py::test_the_code_of_the_page_wires_a_host",
        "@admin.register(Station)": "tests/test_admin.py::test_the_code_of_the_page_wires_a_host",
    },
    "docs/how-to/deferred.md": {
        "IOT_INGEST = {": "tests/guides/test_code.py::test_deferred_mode_is_one_setting",
        'INSTALLED_APPS += ["django_tasks_db"]': (
            "tests/guides/test_code.py::test_the_database_does_the_work"
        ),
        "python manage.py migrate": "tests/guides/test_code.py::test_the_database_does_the_work",
        'INSTALLED_APPS += ["django_rq"]': "tests/guides/test_code.py::test_redis_does_the_work",
        "python manage.py rqworker": "tests/guides/test_code.py::test_redis_does_the_work",
    },
    "docs/how-to/observability.md": {
        "LOGGING = {": "tests/test_observability.py::test_the_log_configuration_works",
        "# urls.py\nfrom django_iot_ingest.metrics": (
            "tests/guides/test_code.py::test_numbers_have_a_url"
        ),
        "scrape_configs:": "tests/guides/test_code.py::test_prometheus_is_told_where_to_scrape",
        "groups:": "tests/test_observability.py::test_alerts_ask_for_what_there_is",
        "# urls.py\nfrom django_iot_ingest.health": (
            "tests/guides/test_code.py::test_numbers_have_a_url"
        ),
    },
    "docs/how-to/senders.md": {
        "X-Timestamp: ": "tests/guides/test_code.py::test_a_signature_is_what_the_page_says",
        "export IOT_SYSTEM": "tests/guides/test_code.py::test_senders_read_what_the_page_exports",
    },
    "docs/how-to/simulate.md": {
        "export IOT_PASSWORD": (
            "tests/guides/test_commands.py::test_a_simulated_fleet_is_as_it_should_be"
        ),
    },
    "docs/how-to/test-your-host.md": {
        "# test_returns.py": _KIT,
        "# test_refusals.py": _KIT,
        "# conftest.py": _KIT,
        "# test_chaos.py": _KIT,
        "seed 7": "tests/guides/test_code.py::test_a_story_of_chaos_is_told_so",
        "# test_contract.py": _KIT,
        "hook applied twice: after one return, ": _FAULT,
        "hook applied twice: after one return and ": _FAULT,
        "a rental ended that had not begun": _FAULT,
        "return lost": _FAULT,
        "# test_payments.py": _KIT,
        "a return did nothing": _FAULT,
        "a refused hook": _FAULT,
        "stale accepted": _FAULT,
        "operator column overwritten": _FAULT,
        "a rented bank was taken back": _FAULT,
        "two banks in one slot": _FAULT,
        "no lock": _FAULT,
        "rented twice": _FAULT,
    },
    "docs/index.md": {"pip install": "tests/tutorial.py"},
    "docs/reference/answers.md": {
        '{"success": true': "tests/guides/test_code.py::test_an_answer_has_what_the_page_shows",
        "openapi-python-client": "tests/client/test_page.py::test_the_command_of_the_page_makes_a_client",
        "import time": "tests/client/test_generated_client.py::test_each_type_is_posted_and_its_answer_read",
    },
    "docs/reference/deprecation.md": {
        "DeprecationWarning: ": "tests/guides/test_code.py::test_a_host_can_fail_at_a_deprecation",
        "[pytest]": "tests/guides/test_code.py::test_a_host_can_fail_at_a_deprecation",
    },
    "docs/reference/doctor.md": {
        "python manage.py iot_doctor 01a2": (
            "tests/guides/test_commands.py::test_a_refusal_by_its_id_a_capture_and_the_deployment"
        ),
        "$ python manage.py iot_doctor 01a2": (
            "tests/guides/test_commands.py::test_a_refusal_by_its_id_a_capture_and_the_deployment"
        ),
        "python manage.py iot_doctor request.http": (
            "tests/guides/test_commands.py::test_every_form_of_a_capture_is_read"
        ),
        "python manage.py iot_sign": (
            "tests/guides/test_commands.py::test_a_body_is_signed_and_sent"
        ),
        "python manage.py iot_doctor --host": (
            "tests/guides/test_commands.py::"
            "test_the_deployment_is_looked_at_from_here_and_from_outside"
        ),
        "$ python manage.py iot_doctor --host": (
            "tests/test_doctor_page.py::test_the_deployment_in_the_page_is_what_is_printed"
        ),
    },
    "docs/reference/fleet.md": {
        "# fleet/admin.py": "tests/test_fleet_docs.py::test_a_host_can_have_another_rhythm",
    },
    "docs/reference/signals.md": {
        "from django.dispatch import": "tests/guides/test_code.py::test_a_receiver_hears_a_return",
    },
}
"""Of each other page the blocks that somebody wrote, and the test that runs or compares each."""

GENERATED = {
    "docs/how-to/observability.md": dict.fromkeys(
        ["log", "scrape", "trace", "health"],
        "tests/test_observability.py::test_every_part_is_as_it_is_made",
    ),
    "docs/how-to/senders.md": {
        "transcripts": "tests/senders/test_page.py::test_a_transcript_is_what_the_sender_prints",
        "httpx": "tests/senders/test_page.py::test_the_program_with_httpx_is_the_one_that_runs",
    },
    "docs/how-to/simulate.md": {
        "run": (
            "tests/test_iot_simulate.py::"
            "test_the_page_shows_a_run_of_500_stations_that_was_as_it_should_be"
        ),
    },
    "docs/reference/doctor.md": {
        "mistakes": "tests/test_doctor_page.py::test_every_mistake_is_in_the_page_with_its_output",
    },
}
"""Parts between two comments that a command writes, and the test that compares them."""

_CELERY = "the backend is tried by hand: it needs Django 6.0 and a broker that the suite has not"

NOT_RUN = {
    "docs/how-to/deferred.md": {"CELERY_BROKER_URL": _CELERY, "celery --app": _CELERY},
}
"""Blocks that nothing here can run, and why."""

DRAWN = {"docs/explanation/design.md": ["view ─ method"]}
"""Drawings in letters: nothing to run."""
