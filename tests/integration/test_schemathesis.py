"""The OpenAPI document, tried as it stands: what it promises is what is replied."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.config import Settings
from app.main import create_app
from app.services import Services
from tests.waiting import PATIENCE

EXAMPLES = 3  # of each operation: more of them find less than they cost
ENDLESS = r"/events$"
"""A stream that goes on for as long as somebody listens."""
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENT = create_app(Settings(_env_file=None), worker=False).openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).exclude(path_regex=ENDLESS)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@pytest.fixture(scope="module", autouse=True)
def somewhere(services: Services) -> None:
    """A knowledge base to be found by name."""
    services.first_knowledge_base()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_operation_replies_as_the_document_says(operation: Any, address: str) -> None:
    @hypothesis.given(case=operation.as_strategy())
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def replies(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=address, checks=CHECKS, timeout=PATIENCE)

    replies()


def test_every_operation_but_the_endless_ones_is_tried() -> None:
    methods = {"get", "post", "put", "patch", "delete"}
    told = sum(len(methods & set(each)) for each in DOCUMENT["paths"].values())
    endless = [path for path in DOCUMENT["paths"] if path.endswith("/events")]
    assert len(OPERATIONS) == told - len(endless)
