"""What the registry listens to."""

from collections.abc import Callable

from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.benchmark import (
    AssessmentMoved,
    CriteriaEvolving,
    ProtocolAssessed,
    RecognitionEnding,
    RecognitionLapsed,
)
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.topics import Topic

from mrx_registry.handlers import notices, participation, password_links
from mrx_registry.ports import Work


def listen(subscriptions: Subscriptions[Work], *, judge_soon: Callable[[], None]) -> None:
    """Subscribe to the benchmark's verdicts, and to what became of mails with one-time links."""
    benchmark = subscriptions.subscribe(
        Topic.BENCHMARK, description="verdicts on protocols decide who has passed step 1"
    )
    mails = subscriptions.subscribe(
        Topic.NOTIFICATION, description="one-time links hold once their mail was sent"
    )

    async def lapsed(fact: RecognitionLapsed, work: Work) -> None:
        await participation.judge_after_lapse(fact, work)
        await notices.tell_of_recognition(fact, work)

    benchmark.handle_event(
        ProtocolAssessed,
        lambda event, work: participation.take_verdict(event.data, work, sequence=event.sequence),
        then=judge_soon,
    )
    benchmark.handle(RecognitionLapsed, lapsed, then=judge_soon)
    benchmark.handle(RecognitionEnding, notices.tell_of_recognition)
    benchmark.handle(AssessmentMoved, notices.tell_of_question)
    benchmark.handle(CriteriaEvolving, notices.tell_of_criteria)
    mails.handle(MailSent, password_links.expect_tokens)
    mails.handle(MailFailed, password_links.expect_tokens)
