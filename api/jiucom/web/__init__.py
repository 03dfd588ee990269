"""Typed handlers over HTTP. Domains import from here: `endpoint`, `Schema`, `Page`, ..."""

from jiucom.encoding import Json
from jiucom.web.envelope import CREATED
from jiucom.web.operation import Access, Operation, endpoint
from jiucom.web.paging import Page, Paged, PageQuery
from jiucom.web.schema import Id, InvalidFieldError, NotBlank, OneLine, Schema

__all__ = [
    "CREATED",
    "Access",
    "Id",
    "InvalidFieldError",
    "Json",
    "NotBlank",
    "OneLine",
    "Operation",
    "Page",
    "PageQuery",
    "Paged",
    "Schema",
    "endpoint",
]
