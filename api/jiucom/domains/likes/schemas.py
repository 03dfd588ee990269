"""Requests and answers of likes."""

from enum import StrEnum

from jiucom.web import Schema


class TargetType(StrEnum):
    """What can be liked."""

    POST = "POST"
    COMMENT = "COMMENT"
    REVIEW = "REVIEW"
    BUILD = "BUILD"


class Like(Schema, frozen=True):
    """Whether the caller likes it, and how many do."""

    liked: bool
    like_count: int
