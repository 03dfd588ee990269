"""The tables of the page on growth, from the model in bench/growth.py."""

from __future__ import annotations

from bench import growth
from tools.docs.data import say
from tools.docs.markdown import table


def costs(language: str) -> str:
    """Write what a request of each kind costs, and one of the mix."""
    rows = [
        [say(kind.name, language), f"{kind.share:.0%}", f"{kind.api:.2f}", f"{kind.stores:.2f}"] for kind in growth.MIX
    ]
    mix = growth.costs()
    rows.append([f"**{say('the mix', language)}**", "100%", f"{mix['API']:.2f}", f"{mix['MySQL']:.2f}"])
    rows.append(
        [say("the same, measured", language), "100%", f"{growth.SEEN_API:.2f}", f"{1000 / growth.SEEN_RATE:.2f}"]
    )
    return table(language, ["kind of request", "share", "API (ms)", "MySQL and Redis, at most (ms)"], rows)


def limits(language: str) -> str:
    """Write at how many requests a second each part meets its limit."""
    rows = (
        [say(part, language), f"{growth.SHIPPED[part]:g}", f"{growth.costs()[part]:.2f}", f"{rate:,.0f}"]
        for part, rate in growth.ceilings().items()
    )
    return table(language, ["part", "cores, as shipped", "cost of a request (ms)", "requests per second at most"], rows)


def needs(language: str) -> str:
    """Write what today's load and its multiples need."""

    def row(times: int) -> list[str]:
        found = growth.needs(growth.TODAY * times)
        busy = " / ".join(f"{cores:.2f}" for cores in (found.mysql, found.api, found.gateway))
        machines = f"{found.hosts} × {found.cores}"
        return [
            f"×{times:,}",
            f"{found.requests:,.0f}",
            busy,
            f"{found.replicas}",
            machines,
            say(found.how, language),
            f"{found.price:,}",
        ]

    head = [
        "load",
        "requests per second",
        "cores busy: MySQL / API / gateway",
        "replicas of the API",
        "hosts × cores",
        "as",
        "USD a month",
    ]
    return table(language, head, (row(times) for times in growth.TIMES))
