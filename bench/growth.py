"""Cores and hosts that a load needs, by a small model of the measurements (`python -m bench.growth 37` for 37 requests a second).

docs/en/growth.md shows its inputs and results (tools/docs/growth.py writes them there).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of request: its share of all, and what one costs of a core (ms)."""

    name: str
    share: float
    api: float
    # The core that MySQL and Redis shared with the clients, divided by the requests that it served: at most this much.
    stores: float


def _measured(name: str, share: float, api: float, rate: float) -> Kind:
    return Kind(name, share, api, 1000 / rate)


# make bench-load, 2026-11-28, e8e07f5: 100 connections, 20,000 parts, 5,000 posts. The API's CPU of a request (ms), and
# requests per second.
READS = (
    _measured("part list", 2 / 7, 0.23, 4262),
    _measured("part detail", 2 / 7, 0.30, 3268),
    _measured("post list", 1 / 7, 0.16, 6047),
    _measured("post detail", 1 / 7, 0.24, 4152),
    _measured("part search", 1 / 7, 1.15, 96),
)
WRITE = _measured("new comment", 1.0, 0.68, 1433)
WRITES = 0.1
MIX = (
    *(Kind(kind.name, kind.share * (1 - WRITES), kind.api, kind.stores) for kind in READS),
    Kind(WRITE.name, WRITES, WRITE.api, WRITE.stores),
)
# The same mix past the gateway and through it, on the core that also held the gateway (requests per second).
PAST, THROUGH = 562, 485
GATEWAY = 1000 / THROUGH - 1000 / PAST
# The mix measured as a whole, to compare the model with: the API's CPU of a request (ms), and requests per second.
SEEN_API, SEEN_RATE = 0.50, 586

# Assumed: the busiest minutes of today (requests per second) and the multiples that are shown, how full a core may be, how many
# cores a host may have, a core's price a month.
TODAY = 10.0
USE = 0.6
TIMES = (1, 10, 100, 500, 1000, 10_000)
SIZES = (2, 4, 8, 16)
PRICE = 20
# MySQL's read replicas that there may be beside the primary.
REPLICAS = 2
# Limits of the service table, in cores; a replica of the API is one process, which a core is the most for.
SHIPPED = {"MySQL": 2.0, "API": 1.0, "gateway": 0.5}


@dataclass(frozen=True)
class Needs:
    """The busy cores of each part at a load, and the machines for them."""

    requests: float
    api: float
    mysql: float
    gateway: float
    replicas: int
    hosts: int
    cores: int
    how: str

    @property
    def price(self) -> int:
        """Cost a month in the currency of PRICE."""
        return self.hosts * self.cores * PRICE


def costs(mix: Iterable[Kind] = MIX) -> dict[str, float]:
    """Return what a request of the mix takes of a core in each part (ms)."""
    mix = tuple(mix)
    return {
        "MySQL": sum(kind.share * kind.stores for kind in mix),
        "API": sum(kind.share * kind.api for kind in mix),
        "gateway": GATEWAY,
    }


def ceilings(mix: Iterable[Kind] = MIX) -> dict[str, float]:
    """Return the requests per second at which each part meets its limit as shipped, the lowest first."""
    spent = costs(mix)
    found = {part: cores * 1000 / spent[part] for part, cores in SHIPPED.items()}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def size(cores: float) -> int:
    """Return the smallest host with so many cores; the largest where none has."""
    return next((one for one in SIZES if one >= cores), SIZES[-1])


def needs(requests: float, mix: Iterable[Kind] = MIX) -> Needs:
    """Return what a load needs (requests per second in the busiest minutes)."""
    busy = {part: cost * requests / 1000 for part, cost in costs(mix).items()}
    api, mysql, gateway = busy["API"], busy["MySQL"], busy["gateway"]
    replicas = max(2, math.ceil(api / USE))
    together = (api + mysql + gateway) / USE
    if together <= SIZES[-1]:
        return Needs(requests, api, mysql, gateway, replicas, 1, size(together), "one host")
    servers = math.ceil(mysql / USE / SIZES[-1])
    # Two at least, so that one may be lost.
    others = max(2, math.ceil((api + gateway) / USE / SIZES[-1]))
    if servers == 1:
        how = "several hosts"
    elif servers <= 1 + REPLICAS:
        how = "several hosts, MySQL with read replicas"
    else:
        how = "managed stores, an engine for search"
    return Needs(requests, api, mysql, gateway, replicas, servers + others, SIZES[-1], how)


def main(arguments: list[str]) -> None:
    """Print what the loads need, those of today and its multiples where none is named."""
    for load in [float(one) for one in arguments] or [TODAY * times for times in TIMES]:
        found = needs(load)
        print(
            f"{load:g} req/s: cores busy: MySQL {found.mysql:.2f}, API {found.api:.2f}, gateway {found.gateway:.2f}; "
            f"{found.replicas} replicas of the API; {found.how}: {found.hosts} x {found.cores} cores, {found.price} USD a month"
        )
    for part, rate in ceilings().items():
        print(f"{part}, as shipped: {rate:.0f} req/s")


if __name__ == "__main__":
    main(sys.argv[1:])
