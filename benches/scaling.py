"""Tells when a step of training by many ranks takes how long, and draws docs/scaling.svg, with nothing but Python.

    python benches/scaling.py docs/scaling.svg

A step of B rows on P ranks with S shards, of a model of n parameters, is said to take

    T(P) = rows B/P + shards S/P + update + log2(P) (2 short + 2 long) + 2 (1 - 1/P) 4 n / bandwidth

where rows, shards and update are seconds of one rank for a row, a shard and the parameters' update, short and long
those of a message of few bytes and of one that waits until its receiver is ready, and bandwidth bytes a second each
way. docs/cluster.md tells how the constants below were measured.
"""

import math
import sys

# Seconds of a rank with one thread, measured: N, H, then per row, per shard, per update.
MODELS = {
    "784-196": (784, 196, 1.0, 1.0, 1.0),
    "4096-1024": (4096, 1024, 1.0, 1.0, 1.0),
}
# Seconds of a short message, of a long one, bytes a second: measured, but for the last, which is a typical cluster's.
NETWORKS = {
    "shared memory": (1.0, 1.0, 1.0),
    "TCP": (1.0, 1.0, 1.0),
    "100 Gb/s": (2e-6, 6e-6, 10e9),
}
BATCHES = {"256": 256, "8,192": 8192, "full (60,000)": 60000}
MOST_SHARDS = 1024


def parameters(inputs, hidden):
    return 2 * inputs * hidden + inputs + hidden


def seconds(model, network, batch, ranks):
    inputs, hidden, row, shard, update = MODELS[model]
    short, long, bandwidth = NETWORKS[network]
    shards = ranks  # As few as there can be.
    work = row * batch / ranks + (shard * shards / ranks if shards > 1 else 0) + update
    levels = math.log2(ranks)
    travel = 2 * (1 - 1 / ranks) * 4 * parameters(inputs, hidden) / bandwidth
    return work + levels * (2 * short + 2 * long) + travel


def all_ranks(batch):
    """Powers of two, of which each gives a row at least."""
    most = min(MOST_SHARDS, 1 << int(math.log2(batch)))
    return [1 << level for level in range(int(math.log2(most)) + 1)]


def table():
    print("| model | batch | network | 1 rank | fastest | at ranks | half as efficient from |")
    print("|---|---|---|---|---|---|---|")
    for model in MODELS:
        for name, batch in BATCHES.items():
            for network in NETWORKS:
                times = {ranks: seconds(model, network, batch, ranks) for ranks in all_ranks(batch)}
                best = min(times, key=times.get)
                poor = [r for r in times if times[1] / (r * times[r]) < 0.5]
                print(
                    f"| {model} | {name} | {network} | {1e3 * times[1]:.3g} ms | {1e3 * times[best]:.3g} ms "
                    f"| {best} | {poor[0] if poor else '> ' + str(max(times))} |"
                )


WIDTH, HEIGHT, LEFT, BOTTOM, TOP, GAP = 960, 420, 60, 44, 40, 40
COLOURS = {"shared memory": "#2ca02c", "TCP": "#d62728", "100 Gb/s": "#1f77b4"}
DASHES = {"256": "2 3", "8,192": "7 3", "full (60,000)": ""}
LOW, HIGH = 1e-4, 30.0


def draw(target):
    panel = (WIDTH - LEFT - 20 - GAP) / 2
    y = lambda s: HEIGHT - BOTTOM - math.log(s / LOW) / math.log(HIGH / LOW) * (HEIGHT - BOTTOM - TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    text = lambda x, y, words, more="": parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {more}>{words}</text>')
    for number, model in enumerate(MODELS):
        left = LEFT + number * (panel + GAP)
        x = lambda ranks: left + math.log2(ranks) / math.log2(MOST_SHARDS) * panel
        text(left + panel / 2, 18, f"{model}, seconds per step against ranks", 'text-anchor="middle" font-weight="bold"')
        for power in range(-4, 2):
            parts.append(f'<line x1="{left}" x2="{left + panel:.1f}" y1="{y(10.0**power):.1f}" y2="{y(10.0**power):.1f}" stroke="#ddd"/>')
            text(left - 6, y(10.0**power) + 4, f"{10.0**power:g}", 'text-anchor="end"')
        for ranks in [1, 4, 16, 64, 256, 1024]:
            text(x(ranks), HEIGHT - BOTTOM + 18, ranks, 'text-anchor="middle"')
        for network, colour in COLOURS.items():
            for name, batch in BATCHES.items():
                place = " ".join(f"{x(r):.1f},{y(seconds(model, network, batch, r)):.1f}" for r in all_ranks(batch))
                parts.append(f'<polyline points="{place}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{DASHES[name]}"/>')
    for number, (network, colour) in enumerate(COLOURS.items()):
        text(LEFT + number * 120, HEIGHT - 8, network, f'fill="{colour}"')
    for number, (name, dash) in enumerate(DASHES.items()):
        at = LEFT + 420 + number * 150
        parts.append(f'<line x1="{at}" x2="{at + 30}" y1="{HEIGHT - 12}" y2="{HEIGHT - 12}" stroke="#333" stroke-dasharray="{dash}"/>')
        text(at + 36, HEIGHT - 8, f"batch {name}")
    open(target, "w").write("\n".join([*parts, "</svg>", ""]))


table()
draw(sys.argv[1])
