"""Conditions joined by AND, with their arguments in the order of the placeholders."""

from jiucom.db.sql import Sql, given, where


def test_conditions_are_joined_in_their_order() -> None:
    found = where(Sql("a = %s", (1,)), Sql("b IN (%s, %s)", (2, 3)), Sql("c"))
    assert (found.text, found.args) == ("a = %s AND b IN (%s, %s) AND c", (1, 2, 3))


def test_filters_that_were_not_given_are_left_out() -> None:
    found = where(given("a = %s", None), given("b = %s", 0), given("c = %s", ""))
    assert (found.text, found.args) == ("b = %s AND c = %s", (0, ""))


def test_without_conditions_all_rows_are_found() -> None:
    assert where(None).text == "TRUE"
