"""Templates: the contents of mails."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jiucom.auth.mailed_tokens import LIFETIMES, RESET, VERIFICATION

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """Subject and text of a mail. `link` follows the last paragraph."""

    subject: str
    paragraphs: tuple[str, ...]
    link: str | None = None

    @property
    def text(self) -> str:
        """The plain text part."""
        return "\n\n".join([*self.paragraphs, *filter(None, [self.link]), _SIGNATURE])

    @property
    def html(self) -> str:
        """The HTML part; texts of users are escaped."""
        body = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in self.paragraphs)
        if self.link:
            address = html.escape(self.link)
            body += f'<p><a href="{address}">{address}</a></p>'
        return f'<!doctype html><html lang="ko"><body>{body}<p>{_SIGNATURE}</p></body></html>'


_SIGNATURE = "JIUCOM 드림"


def _verification(variables: Variables, public_url: str) -> Content:
    return Content(
        "[JIUCOM] 이메일 인증 코드",
        (
            # No nickname: an account with a foreign mail address could otherwise send any text to its owner.
            "아래 코드를 입력해 이메일 주소를 인증해 주세요.",
            str(variables["code"]),
            f"코드는 {LIFETIMES[VERIFICATION]}분 동안 유효합니다. 요청하지 않았다면 이 메일을 무시해 주세요.",
        ),
    )


def _reset(variables: Variables, public_url: str) -> Content:
    greeting = f"{variables['nickname']}님, " if "nickname" in variables else ""
    return Content(
        "[JIUCOM] 비밀번호 재설정",
        (
            f"{greeting}비밀번호 재설정 요청을 받았습니다. 요청하지 않았다면 이 메일을 무시해 주세요.",
            f"{LIFETIMES[RESET]}분 안에 아래 주소에서 새 비밀번호를 정해 주세요.",
        ),
        # In the fragment: browsers do not send it to servers, so it is in no log or referrer.
        f"{public_url}/reset-password#token={variables['token']}",
    )


def _price_alert(variables: Variables, public_url: str) -> Content:
    part_id = variables.get("partId")
    return Content(
        f"[JIUCOM] {variables['partName']} 가격 알림",
        (
            f"{variables['partName']}의 가격이 목표에 도달했습니다.",
            f"현재 최저가 {int(variables['currentPrice']):,}원, 목표 가격 {int(variables['targetPrice']):,}원",
        ),
        f"{public_url}/parts/{part_id}" if part_id else None,
    )


TEMPLATES: Mapping[str, Callable[[Variables, str], Content]] = {
    "email-verification": _verification,
    "password-reset": _reset,
    "price-alert": _price_alert,
}
