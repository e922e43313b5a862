"""What the registry listens to."""

from collections.abc import Callable

from mrx_shared.bus.once import Delivery, Once
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

from mrx_registry.handlers import notices, participation, sign_in
from mrx_registry.ports import Work


def listen(subscriptions: Subscriptions[Work], once: Once[Work], *, judge_soon: Callable[[], None]) -> None:
    """Subscribe to the benchmark's verdicts, and to what became of mails with one-time links."""
    benchmark = subscriptions.subscribe(
        Topic.BENCHMARK, description="verdicts on protocols decide who has passed step 1"
    )

    @benchmark(ProtocolAssessed)
    async def on_protocol_assessed(delivery: Delivery[ProtocolAssessed]) -> None:
        sequence = delivery.envelope.sequence
        await once(delivery, lambda work: participation.take_verdict(delivery.data, work, sequence=sequence))
        judge_soon()

    @benchmark(RecognitionLapsed)
    async def on_recognition_lapsed(delivery: Delivery[RecognitionLapsed]) -> None:
        async def take(work: Work) -> None:
            await participation.judge_after_lapse(delivery.data, work)
            await notices.tell_of_recognition(delivery.data, work)

        await once(delivery, take)
        judge_soon()

    @benchmark(RecognitionEnding)
    async def on_recognition_ending(delivery: Delivery[RecognitionEnding]) -> None:
        await once(delivery, lambda work: notices.tell_of_recognition(delivery.data, work))

    @benchmark(AssessmentMoved)
    async def on_assessment_moved(delivery: Delivery[AssessmentMoved]) -> None:
        await once(delivery, lambda work: notices.tell_of_question(delivery.data, work))

    @benchmark(CriteriaEvolving)
    async def on_criteria_evolving(delivery: Delivery[CriteriaEvolving]) -> None:
        await once(delivery, lambda work: notices.tell_of_criteria(delivery.data, work))

    _listen_to_mails(subscriptions, once)


def _listen_to_mails(subscriptions: Subscriptions[Work], once: Once[Work]) -> None:
    notification = subscriptions.subscribe(
        Topic.NOTIFICATION, description="one-time links hold once their mail was sent"
    )

    @notification(MailSent)
    async def on_mail_sent(delivery: Delivery[MailSent]) -> None:
        if delivery.data.asked_by == "registry":
            await once(delivery, lambda work: sign_in.expect_tokens(delivery.data, work))

    @notification(MailFailed)
    async def on_mail_failed(delivery: Delivery[MailFailed]) -> None:
        if delivery.data.asked_by == "registry":
            await once(delivery, lambda work: sign_in.expect_tokens(delivery.data, work))
