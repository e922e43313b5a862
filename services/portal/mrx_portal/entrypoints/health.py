"""What the supervisor and Prometheus ask."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mrx_portal.ports import Services


def health(services: Services) -> APIRouter:
    """The routes that every part has."""
    routes = APIRouter(tags=["health"])

    @routes.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @routes.get("/health/ready")
    async def ready() -> Response:
        if await services.ready():
            return JSONResponse({"status": "ready", "faults": []})
        return JSONResponse({"status": "waiting", "faults": ["the registry does not answer"]}, 503)

    @routes.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes
