#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
A picture of FIFOs over time, as SVG: for each device how full it was, and its rates.

    vfifo monitor --json -i 0.1 -d 10 | ./plot.py >fifo.svg

It needs nothing but Python. The input is a JSON object on each line (vfifo(1), monitor).
"""
import html
import json
import math
import sys

WIDTH, LEFT, RIGHT, PANEL, GAP, TITLE = 900, 90, 30, 130, 50, 56
COLOURS = {"fill": "#0072b2", "in": "#009e73", "out": "#d55e00", "drop": "#cc0000"}


def read_series(lines):
    """The readings of each device, by name, in the order in which the devices appeared."""
    series = {}
    for line in lines:
        for device in json.loads(line)["devices"]:
            series.setdefault(device["name"], []).append(device)
    return series


def add_drop_rate(readings):
    """`dropped` counts from the beginning; the picture shows bytes per second."""
    readings[0]["drop"] = 0
    for before, now in zip(readings, readings[1:]):
        seconds = now["time"] - before["time"]
        now["drop"] = max(0, now["dropped"] - before["dropped"]) / seconds if seconds > 0 else 0


def size(value):
    for unit in "BKMGT":
        if value < 1024 or unit == "T":
            return f"{value:.3g}{unit}"
        value /= 1024


def time_step(span):
    """1, 2 or 5 times a power of ten: about eight steps."""
    power = 10 ** math.floor(math.log10(span / 8))
    return power * next(n for n in (1, 2, 5, 10) if n * power >= span / 8)


def text(x, y, words, anchor="end", **more):
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attributes}>{html.escape(words)}</text>'


def panel(readings, top, names, most, label):
    """The lines of some members of the readings, from 0 to `most`, with axes."""
    begin = readings[0]["time"]
    # One reading alone has no span of time.
    span = readings[-1]["time"] - begin or 1
    right, bottom = WIDTH - RIGHT, top + PANEL
    for i in range(5):
        y = bottom - PANEL * i / 4
        yield f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield text(LEFT - 8, y + 4, label(most * i / 4))
    step = time_step(span)
    for i in range(int(span / step + 0.001) + 1):
        x = LEFT + (right - LEFT) * i * step / span
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="#ddd"/>'
        yield text(x, bottom + 18, f"{i * step:g} s", "middle")
    for i, name in enumerate(names):
        points = " ".join(
            f'{LEFT + (right - LEFT) * (r["time"] - begin) / span:.1f},{bottom - PANEL * r[name] / most:.1f}'
            for r in readings)
        yield f'<polyline fill="none" stroke="{COLOURS[name]}" stroke-width="1.8" points="{points}"/>'
        yield text(right - 70 * i, top - 7, name, fill=COLOURS[name], font_weight="bold")


def device(name, readings, top):
    add_drop_rate(readings)
    last = readings[-1]
    title = f"{name}, {last['label']}" if last.get("label") else name
    yield text(LEFT, top + 24, title, "start", font_size="16", font_weight="bold")
    yield text(WIDTH - RIGHT, top + 24, f"capacity {size(last['capacity'])}, dropped {size(last['dropped'])}")
    yield from panel(readings, top + TITLE, ["fill"], 100, lambda value: f"{value:.0f}%")
    rates = ["out", "in"] + (["drop"] if any(r["drop"] for r in readings) else [])
    most = max(4, max(r[rate] for r in readings for rate in rates))
    yield from panel(readings, top + TITLE + PANEL + GAP, rates, 2 ** math.ceil(math.log2(most)),
                     lambda value: size(value) + "/s")


def main():
    series = read_series(sys.stdin)
    each = TITLE + 2 * (PANEL + GAP)
    height = each * len(series) + 10
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
          'font-family="sans-serif" font-size="12">')
    print('<rect width="100%" height="100%" fill="white"/>')
    for i, (name, readings) in enumerate(series.items()):
        print("\n".join(device(name, readings, each * i)))
    print("</svg>")


main()
