"""The model of docs/en/growth.md against what was measured, and how it behaves."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bench import growth


def test_the_parts_add_up_to_what_the_mix_took_when_it_was_measured() -> None:
    spent = growth.costs()
    assert spent["MySQL"] == pytest.approx(1000 / growth.SEEN_RATE, rel=0.25)
    assert spent["API"] == pytest.approx(growth.SEEN_API, rel=0.25)


def test_the_shares_are_all_requests() -> None:
    assert sum(kind.share for kind in growth.MIX) == pytest.approx(1)


def test_more_load_never_needs_less() -> None:
    every = [growth.needs(load) for load in (1, 10, 100, 500, 1000, 3000, 5000, 10_000, 30_000, 100_000)]
    for less, more in pairwise(every):
        assert more.price >= less.price
        assert more.replicas >= less.replicas


def test_the_machines_hold_what_is_busy() -> None:
    for load in (5, 50, 500, 5_000, 50_000):
        found = growth.needs(load)
        assert (found.api + found.mysql + found.gateway) / growth.USE <= found.hosts * found.cores
        assert found.api / growth.USE <= found.replicas


def test_no_host_is_larger_than_it_has_to_be() -> None:
    for load in (1000, 2000, 4000):
        found = growth.needs(load)
        assert found.hosts == 1
        assert (found.api + found.mysql + found.gateway) / growth.USE > found.cores / 2


def test_mysql_breaks_first_by_search_and_last_without_it() -> None:
    mix = [kind for kind in growth.MIX if kind.name != "part search"]
    assert list(growth.ceilings()) == ["MySQL", "gateway", "API"]
    assert list(growth.ceilings(mix)) == ["gateway", "API", "MySQL"]


def test_one_host_several_and_then_stores_of_others() -> None:
    assert [growth.needs(load).how for load in (10, 5000, 10_000, 100_000)] == [
        "one host",
        "several hosts",
        "several hosts, MySQL with read replicas",
        "managed stores, an engine for search",
    ]


def test_a_load_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    growth.main(["37"])
    assert capsys.readouterr().out.startswith(
        "37 req/s: cores busy: MySQL 0.06, API 0.01, gateway 0.01; 2 replicas of the API; one host"
    )
