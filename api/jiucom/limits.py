"""The rate limits that operations declare. Every write has one anyway.

A limit is checked before the body is read, so it counts callers and networks. Wrong passwords of one account have another
limit besides: `jiucom.guesses`.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limit:
    """The field `setting` of the settings says how many requests per minute are allowed.

    Counted per `caller` (the user, or the network of a request without one), or per `network`. With `failures` a
    request counts while it runs, and afterwards only if it ended with a 4xx.
    """

    name: str
    by: Literal["caller", "network"]
    setting: str
    failures: bool = False


LOGIN = Limit("login", "network", "rate_limit_login", failures=True)
SIGNUP = Limit("signup", "network", "rate_limit_login")
# Each one sends a mail.
RESET_REQUEST = Limit("reset-request", "network", "rate_limit_login")
RESET = Limit("reset", "network", "rate_limit_login", failures=True)
# Mails with codes, and guesses at them.
CODE = Limit("code", "caller", "rate_limit_login")
WRITE = Limit("write", "caller", "rate_limit_write")
UPLOAD = Limit("upload", "caller", "rate_limit_upload")
