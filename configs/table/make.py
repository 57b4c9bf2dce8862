"""Writes the table of the example: a pump's readings, and others with planted faults.

    python3 configs/table/make.py

Flow follows from the speed, pressure and power from both, the temperature from the power, each with a
little noise. A fault breaks one of these relations and leaves every reading within its usual range, so
that no single column gives it away.
"""

import pathlib
import random

HERE = pathlib.Path(__file__).parent
NAMES = ["speed_rpm", "flow_l_min", "pressure_bar", "power_kw", "temperature_c"]


def reading(rng):
    speed = rng.uniform(800, 2400)
    valve = rng.uniform(0.4, 1.0)
    flow = 0.05 * speed * valve + rng.gauss(0, 0.8)
    pressure = 2 + (speed / 800) ** 2 * (1.4 - valve) + rng.gauss(0, 0.1)
    power = 0.4 + flow * pressure / 150 + rng.gauss(0, 0.06)
    temperature = 25 + 6.5 * power + rng.gauss(0, 0.5)
    return [speed, flow, pressure, power, temperature]


def write(name, rows, header):
    lines = [",".join(header)]
    lines += [",".join(v if isinstance(v, str) else f"{v:.2f}" for v in row) for row in rows]
    (HERE / name).write_text("\n".join(lines) + "\n")


def main():
    rng = random.Random(1)
    readings = [reading(rng) for _ in range(1000)]
    write("pump.csv", readings, NAMES)
    later = [reading(rng) + ["ok"] for _ in range(300)]
    for row in rng.sample(later, 15):
        column = rng.randrange(len(NAMES))
        # The reading of another time: usual by itself, but not beside the others.
        others = sorted(readings, key=lambda other: -abs(other[column] - row[column]))
        row[column] = others[rng.randrange(100)][column]
        row[-1] = NAMES[column]
    write("pump-later.csv", later, NAMES + ["fault"])


main()
