"""The language of board's own words, as Grafana's variable for it says: Korean or English."""

import os

LANGUAGE = os.environ.get("GF_USERS_DEFAULT_LANGUAGE", "ko-KR").partition("-")[0]


def t(korean: str, english: str) -> str:
    """Return the one of two texts that is in the language."""
    return korean if LANGUAGE == "ko" else english
