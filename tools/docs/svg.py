"""A small picture of boxes and arrows, readable on dark and light pages: filled boxes with white text, lines in middle grey."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLUMN, ROW, WIDTH, HEIGHT = 212, 92, 138, 46
GREY = "#7a828b"


@dataclass(frozen=True)
class Box:
    """A box in a grid: its place, text, and colour."""

    column: float
    row: float
    label: str
    note: str = ""
    colour: str = "#1f6feb"

    @property
    def middle(self) -> tuple[float, float]:
        """Return the point in the middle."""
        return self.column * COLUMN + WIDTH / 2 + 8, self.row * ROW + HEIGHT / 2 + 8

    def edge(self, other: Box) -> tuple[float, float]:
        """Return the point of the border that is nearest to another box's middle."""
        (x, y), (to_x, to_y) = self.middle, other.middle
        across, down = to_x - x, to_y - y
        share = min(WIDTH / 2 / abs(across) if across else 1, HEIGHT / 2 / abs(down) if down else 1)
        return x + across * share, y + down * share

    def drawn(self) -> str:
        """Draw the box."""
        x, y = self.middle
        lines = [(self.label, -3 if self.note else 5, 15, 700), *([(self.note, 14, 12, 400)] if self.note else [])]
        text = "".join(
            f'<text x="{x:g}" y="{y + below:g}" fill="#fff" font-size="{size}" font-weight="{weight}">{escape(line)}</text>'
            for line, below, size, weight in lines
        )
        left, top = x - WIDTH / 2, y - HEIGHT / 2
        return f'<rect x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="7" fill="{self.colour}"/>{text}'


@dataclass(frozen=True)
class Arrow:
    """An arrow between two boxes; one with dashes happens in the background."""

    start: str
    end: str
    label: str = ""
    dashed: bool = False

    def drawn(self, boxes: Mapping[str, Box]) -> str:
        """Draw the arrow, and its label in the middle."""
        (x1, y1), (x2, y2) = boxes[self.start].edge(boxes[self.end]), boxes[self.end].edge(boxes[self.start])
        dashes = ' stroke-dasharray="5 4"' if self.dashed else ""
        line = f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{GREY}"{dashes} marker-end="url(#end)"/>'
        # Off the line by as much as the text is wide there: above it, or to its right where it goes down.
        across, down = (x2 - x1) or 0.1, y2 - y1
        length = math.hypot(across, down)
        away = math.copysign(6 + abs(down) / length * len(self.label) * 3.6, across)
        x, y = (x1 + x2) / 2 + down / length * away, (y1 + y2) / 2 - across / length * away + 2
        text = f'<text x="{x:.0f}" y="{y:.0f}" fill="{GREY}" font-size="12">{escape(self.label)}</text>'
        return line + (text if self.label else "")


def picture(boxes: Mapping[str, Box], arrows: Iterable[Arrow]) -> str:
    """Draw a picture, as large as its boxes need."""
    wide = max(box.middle[0] for box in boxes.values()) + WIDTH / 2 + 8
    high = max(box.middle[1] for box in boxes.values()) + HEIGHT / 2 + 8
    parts = [*(arrow.drawn(boxes) for arrow in arrows), *(box.drawn() for box in boxes.values())]
    size = f'viewBox="0 0 {wide:g} {high:g}" width="{wide:g}" height="{high:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n'
        f'<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 8 4 0 8z" fill="{GREY}"/></marker></defs>\n'
        f'<g font-family="sans-serif" text-anchor="middle" stroke-width="1.6">\n'
        + "\n".join(parts)
        + "\n</g>\n</svg>\n"
    )
