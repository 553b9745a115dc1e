"""Fifteen minutes as a picture."""

from typing import Final

import pytest

from tailsampler.admin.pages.chart import BUCKET, Point, chart, points
from tailsampler.telemetry.history import KEEP, Step

POINTS: Final = KEEP // BUCKET


def step(number: int, *, kept: int = 1, dropped: int = 4, gap: bool = False) -> Step:
    return Step(
        number=number,
        wall_ns=number * 10**9,
        lasted_s=1.0,
        gap=gap,
        increase={("traces", "kept"): kept, ("traces", "dropped"): dropped},
        buffer=0,
        outbox=0,
        open=0,
        balanced=True,
    )


def test_each_point_is_a_mean_of_its_steps() -> None:
    """A second, whatever the number of steps."""
    found = points([step(number, kept=number % 2) for number in range(1, 901)])
    assert len(found) == POINTS
    assert set(found[1:-1]) == {Point(0.5, 4.0)}


def test_what_nobody_saw_is_no_zero() -> None:
    """Before the start, and in a gap, there is no line."""
    steps = [step(number, gap=40 <= number < 60) for number in range(1, 101)]
    found = points(steps)
    assert found[0] == Point(None, None)
    assert found[-7:-4] == (Point(None, None), Point(None, None), Point(1.0, 4.0))


def test_the_picture_stands_still_between_points() -> None:
    """It is drawn once in ten seconds, not with every step."""
    until = [step(number) for number in range(1, 200)]
    assert {points(until[:length]) for length in range(180, 189)} == {points(until[:180])}


def test_there_is_something_to_see_soon() -> None:
    """The first seconds of a gateway are not an empty picture."""
    assert points([step(1, gap=True), *(step(number) for number in range(2, 6))])[-1] == Point(1, 4)
    assert points([])[-1] == Point(None, None)


@pytest.mark.parametrize(
    "found",
    [
        tuple([Point(None, None)] * POINTS),
        tuple([Point(0.0, 0.0)] * POINTS),
        tuple([Point(1e12, 1e-9)] * POINTS),
        (Point(1.0, 1.0), *[Point(None, None)] * (POINTS - 1)),
    ],
    ids=["nothing", "zeros", "extremes", "one"],
)
def test_it_is_drawn_without_anything_inline(found: tuple[Point, ...]) -> None:
    """No style, no script, no comment, and one element that can stand in a page."""
    svg = chart(found)
    assert svg.startswith("<svg ")
    assert svg.count("<svg") == 1
    drawn = sum(bool(point.kept) + bool(point.dropped) for point in found)
    assert svg.count("<rect") <= drawn
    for word in ("<style", "style=", "<script", "<!--", "nan", " id="):
        assert word not in svg
