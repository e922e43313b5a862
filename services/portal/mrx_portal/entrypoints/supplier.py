"""The supplier's pages."""

from fastapi import APIRouter

from mrx_portal.entrypoints.desk import Desk


def supplier_pages(desk: Desk) -> APIRouter:
    """The routes of whoever holds the link of a request."""
    del desk
    return APIRouter()
