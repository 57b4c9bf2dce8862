"""Draws docs/growth.svg from the figures of the growth benchmark, with nothing but Python.

    cargo bench -p sae-kernels --bench fused_step -- --growth > growth.csv
    python benches/growth.py growth.csv docs/growth.svg
"""

import csv
import math
import sys

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 400, 60, 40, 20
COLOURS = {"inputs": "#1f77b4", "hidden": "#d62728", "rows": "#2ca02c"}
START = {"inputs": "N from 128 (H 128, 256 rows)", "hidden": "H from 16 (N 512, 256 rows)", "rows": "rows from 32 (N 512, H 128)"}


def main(source, target):
    lines = [line for line in open(source) if line.count(",") == 6]
    figures = list(csv.DictReader(lines))
    series = {name: [] for name in COLOURS}
    for row in figures:
        series[row["varied"]].append((int(row[row["varied"]]), float(row["milliseconds"])))
    low, high = math.log10(0.05), math.log10(20)
    x = lambda octave: LEFT + octave * (WIDTH - LEFT - 20) / 6
    y = lambda ms: HEIGHT - BOTTOM - (math.log10(ms) - low) / (high - low) * (HEIGHT - BOTTOM - TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for ms in [0.1, 0.2, 0.5, 1, 2, 5, 10]:
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(ms):.1f}" y2="{y(ms):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(ms) + 4:.1f}" text-anchor="end">{ms:g}</text>')
    for octave in range(7):
        parts.append(f'<text x="{x(octave):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{2**octave}</text>')
    parts.append(f'<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">times the first size</text>')
    parts.append(f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {HEIGHT / 2})">milliseconds per step</text>')
    for number, (name, points) in enumerate(series.items()):
        points.sort()
        place = " ".join(f"{x(math.log2(size / points[0][0])):.1f},{y(ms):.1f}" for size, ms in points)
        colour = COLOURS[name]
        parts.append(f'<polyline points="{place}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{LEFT + 12}" y="{TOP + 16 + 16 * number}" fill="{colour}">{START[name]}</text>')
    parts.append("</svg>")
    open(target, "w").write("\n".join(parts) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
