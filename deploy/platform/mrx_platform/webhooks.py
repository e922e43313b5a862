"""Events to the exchange: signed, sent until they are taken, and sometimes wrong on purpose."""

import asyncio
import hashlib
import hmac
from datetime import timedelta

import httpx
from mrx_shared.bus.work import WakeUp
from mrx_shared.kit.clock import Clock

from mrx_platform.faults import Faults
from mrx_platform.records import Event
from mrx_platform.settings import Settings
from mrx_platform.store import Store

TRIES = 6
LATE = timedelta(hours=1)


class Webhooks:
    """The queue of events. It is kept with the data, so a restart sends what was not taken."""

    def __init__(self, settings: Settings, store: Store, faults: Faults, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._faults = faults
        self._clock = clock
        self._wake_up = WakeUp()
        self.taken = 0

    def add(self, event: Event) -> None:
        """Queue an event; the caller writes the store. Without an address nothing is sent."""
        if self._settings.webhook_url is None or self._faults.take("event", "event-lost"):
            return
        unsent = self._store.kept.unsent
        unsent.extend([event] * (2 if self._faults.take("event", "event-twice") else 1))
        if len(unsent) > 1 and self._faults.take("event", "event-reordered"):
            unsent.reverse()
        self._wake_up.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with httpx.AsyncClient(timeout=httpx.Timeout(5)) as http:
            while True:
                while self._store.kept.unsent:
                    event = self._store.kept.unsent[0]
                    await self._send(http, event)
                    # Meanwhile all may have been emptied.
                    if event in self._store.kept.unsent:
                        self._store.kept.unsent.remove(event)
                        self._store.write()
                await self._wake_up.within(60)

    async def _send(self, http: httpx.AsyncClient, event: Event) -> None:
        pause = self._settings.webhook_retry_s
        for _ in range(TRIES):
            if event not in self._store.kept.unsent:
                return
            body = event.model_dump_json().encode()
            moment = self._clock() - (LATE if self._faults.take("event", "event-late") else timedelta(0))
            stamp = str(int(moment.timestamp()))
            secret = self._settings.webhook_secret.get_secret_value()
            if self._faults.take("event", "event-forged"):
                secret += "-of another"
            try:
                answer = await http.post(
                    str(self._settings.webhook_url),
                    content=body,
                    headers={
                        "Content-Type": "application/json",
                        "Platform-Timestamp": stamp,
                        "Platform-Signature": sign(secret, stamp, body),
                    },
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                self.taken += 1
                return
            await asyncio.sleep(pause)
            pause *= 2


def sign(secret: str, stamp: str, body: bytes) -> str:
    """The signature of an event: over its moment and its body, so that neither can be changed or used again later."""
    return "v1=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
