"""Tells when a step of training by many ranks takes how long, and draws docs/scaling.svg, with nothing but Python.

    python benches/scaling.py docs/scaling.svg

A step of B rows on P ranks with S shards, of a model of n parameters, is said to take

    T(P) = row B/P + shard S/P + update + log2(P) (2 short + 2 long) + 2 (1 - 1/P) 4 n / bandwidth

where row, shard and update are seconds of one rank for a row, a shard and the parameters' update, short and long
those of a message of few bytes and of one that waits until its receiver is ready, and bandwidth bytes a second each
way. One process without shards takes T(1) = alone B. docs/cluster.md tells how the constants below were measured.
"""

import math
import sys

# Seconds of a rank with one thread, measured: N, H, then alone, row, shard, update.
MODELS = {
    "784-196": (784, 196, 15.6e-6, 17.9e-6, 0.46e-3, 0.0),
    "4096-1024": (4096, 1024, 0.46e-3, 0.51e-3, 35e-3, 7e-3),
}
# Seconds of a short message, of a long one, bytes a second, and ranks that there may be: measured, but for the
# last, which is what such networks are sold for.
NETWORKS = {
    "shared memory": (0.6e-6, 4e-6, 2.7e9, 64),
    "TCP, 10 Gb/s": (10.5e-6, 16e-6, 1.3e9, 1024),
    "100 Gb/s": (2e-6, 6e-6, 10e9, 1024),
}
BATCHES = {"256": 256, "8,192": 8192, "full (60,000)": 60000}
MOST_RANKS = 1024


def parameters(inputs, hidden):
    return 2 * inputs * hidden + inputs + hidden


def seconds(model, network, batch, ranks):
    inputs, hidden, alone, row, shard, update = MODELS[model]
    short, long, bandwidth, _ = NETWORKS[network]
    if ranks == 1:
        return alone * batch
    work = row * batch / ranks + shard + update  # One shard for each rank, as few as there can be.
    levels = math.log2(ranks)
    travel = 2 * (1 - 1 / ranks) * 4 * parameters(inputs, hidden) / bandwidth
    return work + levels * (2 * short + 2 * long) + travel


def all_ranks(network, batch):
    """Powers of two, of which each gives a row at least."""
    most = min(NETWORKS[network][3], batch)
    return [1 << level for level in range(int(math.log2(most)) + 1)]


def table():
    print("| model | batch | network | 1 process | fastest | on ranks | half the ranks' worth up to |")
    print("|---|---|---|---|---|---|---|")
    for model in MODELS:
        for name, batch in BATCHES.items():
            for network in NETWORKS:
                times = {ranks: seconds(model, network, batch, ranks) for ranks in all_ranks(network, batch)}
                fastest = min(times, key=times.get)
                useful = max(ranks for ranks in times if times[1] / times[ranks] >= ranks / 2)
                print(
                    f"| {model} | {name} | {network} | {1e3 * times[1]:.3g} ms | {1e3 * times[fastest]:.3g} ms "
                    f"| {fastest} | {useful} |"
                )


WIDTH, HEIGHT, LEFT, BOTTOM, TOP, GAP = 960, 420, 60, 44, 40, 64
COLOURS = {"shared memory": "#2ca02c", "TCP, 10 Gb/s": "#d62728", "100 Gb/s": "#1f77b4"}
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
        x = lambda ranks: left + math.log2(ranks) / math.log2(MOST_RANKS) * panel
        text(left + panel / 2, 18, f"{model}, seconds per step against ranks", 'text-anchor="middle" font-weight="bold"')
        for power in range(-4, 2):
            parts.append(f'<line x1="{left}" x2="{left + panel:.1f}" y1="{y(10.0**power):.1f}" y2="{y(10.0**power):.1f}" stroke="#ddd"/>')
            text(left - 6, y(10.0**power) + 4, f"{10.0**power:g}", 'text-anchor="end"')
        for ranks in [1, 4, 16, 64, 256, 1024]:
            text(x(ranks), HEIGHT - BOTTOM + 18, ranks, 'text-anchor="middle"')
        for network, colour in COLOURS.items():
            for name, batch in BATCHES.items():
                place = " ".join(f"{x(r):.1f},{y(seconds(model, network, batch, r)):.1f}" for r in all_ranks(network, batch))
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
