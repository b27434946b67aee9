"""The test runner: the example's own tests, from whatever folder it is started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest import TestSuite

from django.test.runner import DiscoverRunner

OWN_TESTS = ["fleet"]


class ProjectTestRunner(DiscoverRunner):
    """Run ``fleet`` when no label is given.

    Django's default looks below the working folder; in the repository root that is the plugin's
    own suite, which is pytest's.
    """

    def build_suite(self, test_labels: Sequence[str] | None = None, **kwargs: Any) -> TestSuite:
        return super().build_suite(test_labels or OWN_TESTS, **kwargs)
