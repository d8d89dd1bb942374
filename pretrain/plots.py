"""A line of a training log as a picture, so that a run can be judged while it goes."""

import json
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = (720, 360)
MARGIN = (64, 24, 16, 32)
"""Left, top, right, bottom, in pixels."""

LINES = 4
INK, PALE, MEAN = (40, 40, 40), (200, 200, 200), (200, 60, 40)
SMOOTHED = 0.05
"""Share of the run that the heavy line's running mean looks back over."""


def save_plot(log: Path, value: str, file: Path) -> None:
    """Draws `value` over `step` from a log of JSON lines: each entry pale, their running mean on top.

    Of steps that were done twice after a stop, the later counts. Nothing is written for fewer than two entries.
    """
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    points = sorted({entry["step"]: entry[value] for entry in entries if "step" in entry and value in entry}.items())
    if len(points) < 2:
        return
    steps, values = [step for step, _ in points], [number for _, number in points]
    # The first steps' values are far off and would flatten the rest.
    settled = values[len(values) // 20 :]
    low, high = min(settled), max(settled)
    high = high if high > low else low + 1
    left, top, right, bottom = MARGIN[0], MARGIN[1], SIZE[0] - MARGIN[2], SIZE[1] - MARGIN[3]

    def place(step: float, number: float) -> tuple[float, float]:
        across = (step - steps[0]) / (steps[-1] - steps[0])
        up = (min(high, max(low, number)) - low) / (high - low)
        return left + across * (right - left), bottom - up * (bottom - top)

    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    for line in range(LINES + 1):
        number, step = low + (high - low) * line / LINES, steps[0] + (steps[-1] - steps[0]) * line / LINES
        across, up = place(step, number)
        draw.line([(left, up), (right, up)], PALE)
        draw.text((left - 6, up), f"{number:.4g}", INK, anchor="rm")
        draw.text((across, bottom + 8), f"{step:,.0f}", INK, anchor="ma")
    draw.text((left, 6), f"{value} by step", INK)
    draw.line([place(*point) for point in points], PALE)
    draw.line([place(step, number) for step, number in zip(steps, _running_mean(values))], MEAN, 2)
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file, optimize=True)


def _running_mean(values: list[float]) -> list[float]:
    width = max(1, round(len(values) * SMOOTHED))
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    return [(sums[end] - sums[max(0, end - width)]) / (end - max(0, end - width)) for end in range(1, len(sums))]
