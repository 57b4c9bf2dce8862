"""Reads an event file by TensorBoard's own reader and compares it with the metrics of its run.

    python3 tests/reference/events.py FOLDER RUN

FOLDER holds the event file, RUN the run's metrics.jsonl, config.toml and, where it has finished, features.png.
Ends with an error where a scalar is missing, too many, at another step or not the same `f32`.
"""

import json
import pathlib
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def numbers(path, value):
    """The numbers in a value with their paths; TensorBoard is not asked for lists."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from numbers(f"{path}/{name}", inner)
    elif isinstance(value, (int, float)):
        yield path, value


def expected(run):
    scalars, quantiles = {}, {}
    for line in (run / "metrics.jsonl").read_text().splitlines():
        metrics = json.loads(line)
        stage, epoch = metrics.pop("stage"), metrics.pop("epoch")
        for name, number in numbers(stage, metrics):
            scalars.setdefault(name, []).append((epoch, np.float32(number)))
        if "rho_hat_quantiles" in metrics:
            found = quantiles.setdefault(f"{stage}/rho_hat", [])
            found.append((epoch, metrics["rho_hat_quantiles"]))
    return scalars, quantiles


def main(folder, run):
    sizes = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    events = EventAccumulator(str(folder), size_guidance=sizes)
    events.Reload()
    tags = events.Tags()
    scalars, quantiles = expected(run)

    assert set(tags["scalars"]) == set(scalars), set(tags["scalars"]) ^ set(scalars)
    for name, values in scalars.items():
        found = [(event.step, np.float32(event.value)) for event in events.Scalars(name)]
        assert found == values, (name, found, values)
        times = [event.wall_time for event in events.Scalars(name)]
        assert times == sorted(times) and times[0] > 1.5e9, times

    assert set(tags["histograms"]) == set(quantiles), tags["histograms"]
    for name, values in quantiles.items():
        for event, (epoch, wanted) in zip(events.Histograms(name), values, strict=True):
            shown = event.histogram_value
            assert event.step == epoch
            assert (shown.min, shown.max) == (wanted[0], wanted[-1])
            assert abs(sum(shown.bucket) - 100) < 1e-9 and shown.num == 100
            assert list(shown.bucket_limit) == sorted(set(wanted[1:]) - {wanted[0]}), name

    text = events.Tensors("configuration")[0].tensor_proto.string_val[0].decode()
    config = (run / "config.toml").read_text()
    assert [line[4:] for line in text.splitlines()] == config.splitlines()
    picture = run / "features.png"
    if picture.exists():
        (image,) = events.Images("autoencoder-1/features")
        assert image.encoded_image_string == picture.read_bytes()
        assert (image.width, image.height) == tuple(
            int.from_bytes(picture.read_bytes()[at:at + 4]) for at in (16, 20))
        assert image.step == len(scalars["autoencoder-1/objective"])
    print(f"{len(scalars)} scalars, {len(quantiles)} histograms")


main(*map(pathlib.Path, sys.argv[1:]))
