"""Counters and gauges that every service shows at /metrics. Labels are types and topics, never ids."""

from prometheus_client import Counter, Gauge

EVENTS = Counter(
    "mrx_events_total",
    "Events taken from Kafka, by what became of them",
    ["consumer", "type", "outcome"],
)
FACTS_SENT = Counter("mrx_facts_sent_total", "Facts that the relay brought to Kafka", ["topic_family"])
OUTBOX_UNSENT = Gauge("mrx_outbox_unsent", "Facts said and not yet sent")
OUTBOX_PARKED = Gauge("mrx_outbox_parked", "Keys whose facts cannot be sent for a reason that stays")
DEAD_LETTERS = Gauge("mrx_dead_letters", "Dead letters that were not replayed")
WAITING = Gauge("mrx_waiting", "Events that wait for a fact that has not come")
