"""The words that answers document are those of the services' domains."""

from enum import StrEnum
from typing import Any, get_args

import pytest
from mrx_aggregation.domain.lists import ListState
from mrx_aggregation.domain.rounds import RoundState
from mrx_exchange_adapter.domain import tickets
from mrx_exchange_adapter.domain.platform import ShareState
from mrx_notification.domain import mails
from mrx_registry.domain import members, principals
from mrx_report_request.domain import decisions, requests, transitions
from mrx_shared.api import aggregation, exchange_adapter, notification, registry, report_request
from mrx_shared.messages.requests import Outcome


def words_of(annotated: Any) -> tuple[str, ...]:  # noqa: ANN401
    _, words = get_args(annotated)
    stated: tuple[str, ...] = words.words
    return stated


@pytest.mark.parametrize(
    ("stated", "domain"),
    [
        (words_of(aggregation.ListState), ListState),
        (words_of(aggregation.RoundState), RoundState),
        (words_of(exchange_adapter.State), tickets.State),
        (words_of(exchange_adapter.ShareState), ShareState),
        (words_of(notification.Cause), mails.Cause),
        (words_of(notification.Kind), mails.Kind),
        (words_of(notification.State), mails.State),
        (words_of(registry.Missing), members.Missing),
        (words_of(registry.State), members.State),
        (get_args(registry.Role), principals.Role),
        (words_of(report_request.Channel), requests.Channel),
        (words_of(report_request.DeclineReason), requests.DeclineReason),
        (words_of(report_request.MailState), requests.MailState),
        (words_of(report_request.State), transitions.State),
        (words_of(report_request.Action), transitions.Action),
        (get_args(Outcome), decisions.Outcome),
    ],
)
def test_an_answer_documents_every_word_of_its_domain(stated: tuple[str, ...], domain: type[StrEnum]) -> None:
    assert list(stated) == [one.value for one in domain]
