"""Structured logs: one JSON object a line, ids and outcomes, never a payload."""

import errno
import logging
import os
import sys
import traceback

import structlog

from mrx_shared.refusals import Unavailable


def configure(*, service: str, level: str) -> None:
    """Send structlog's and the standard library's records to stderr as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_exception_text,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # httpx would write every address, and an address can hold what signs it.
    for noisy in ("aiokafka", "httpx", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def where(error: BaseException) -> str:
    """What kind of error, raised where: type and innermost frame. Its text may hold a payload, so it stays out."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].name} ({frames[-1].filename.rsplit('/', 1)[-1]})" if frames else ""
    return f"{type(error).__name__}{place}"


def cause(error: BaseException) -> str:
    """Why something failed, for whoever has to mend it: what we say of a server ourselves, else type and place.

    An error of the system is told in the system's own words, which hold no payload.
    """
    if isinstance(error, Unavailable):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        return f"{os.strerror(error.errno)}: {where(error)}"
    return where(error)


def _without_exception_text(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    told = event.pop("exc_info", None)
    if isinstance(told, tuple):
        told = told[1]
    if isinstance(told, BaseException):
        event["error"] = where(told)
    return event
