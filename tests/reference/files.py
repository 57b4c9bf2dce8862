"""Writes one matrix in many formats by NumPy, safetensors, Pillow and csv.

    python3 tests/reference/files.py

The matrix of numbers is [[0.5, -1, 2], [3, 4.25, -6], [7, 8, 9.5], [0, 1, 2]]; that of pixels is
[[0, 1, 2], [127, 128, 129], [253, 254, 255], [3, 5, 7]].
"""

import csv
import gzip
import pathlib

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent / "files"
NUMBERS = np.array([[0.5, -1, 2], [3, 4.25, -6], [7, 8, 9.5], [0, 1, 2]])
PIXELS = np.array([[0, 1, 2], [127, 128, 129], [253, 254, 255], [3, 5, 7]], dtype=np.uint8)
LABELS = np.array([10, 9, 10, -1])


def arrays():
    for kind in ["f2", "f4", "f8"]:
        for order in ["<", ">"]:
            np.save(HERE / f"numbers_{order.replace('<', 'le').replace('>', 'be')}_{kind}.npy",
                    NUMBERS.astype(order + kind))
    np.save(HERE / "numbers_fortran.npy", np.asfortranarray(NUMBERS.astype("f4")))
    np.save(HERE / "pixels.npy", PIXELS)
    for kind in ["i1", "u2", "i2", "u4", "i4", "u8", "i8", "?"]:
        name = kind.replace("?", "bool")
        np.save(HERE / f"whole_{name}.npy", (PIXELS > 100).astype(kind))
    np.save(HERE / "labels.npy", LABELS)
    np.save(HERE / "objects.npy", np.array([["a", 1]], dtype=object), allow_pickle=True)
    np.savez(HERE / "arrays.npz", x=NUMBERS.astype("f4"), y=LABELS)
    np.savez_compressed(HERE / "compressed.npz", x=NUMBERS.astype("f4"), y=LABELS)
    save_file({"x": NUMBERS.astype("f4"), "y": LABELS}, HERE / "tensors.safetensors")
    shards = HERE / "shards"
    shards.mkdir(exist_ok=True)
    save_file({"x": NUMBERS[:1].astype("f2")}, shards / "1.safetensors")
    save_file({"x": NUMBERS[1:].astype("f2")}, shards / "2.safetensors")


def tables():
    for end, delimiter in [("csv", ","), ("tsv", "\t")]:
        with open(HERE / f"numbers.{end}", "w", newline="") as file:
            rows = csv.writer(file, delimiter=delimiter)
            rows.writerow(["a", "b b", 'c "c"', "kind"])
            for row, label in zip(NUMBERS, LABELS):
                rows.writerow([*row, label])
    text = (HERE / "numbers.csv").read_bytes()
    (HERE / "numbers.csv.gz").write_bytes(gzip.compress(text, mtime=0))


def pictures():
    folder = HERE / "pictures"
    kinds = {"png": "L", "bmp": "L", "tiff": "L", "webp": "RGB", "jpeg": "L"}
    for label, (end, mode) in enumerate(kinds.items()):
        picture = Image.fromarray(np.full((2, 3), 40 * (label + 1), np.uint8), "L").convert(mode)
        (folder / str(label % 2)).mkdir(parents=True, exist_ok=True)
        lossless = {"lossless": True} if end == "webp" else {}
        picture.save(folder / str(label % 2) / f"{label + 7}.{end}", **lossless)
    other = HERE / "kinds"
    other.mkdir(exist_ok=True)
    Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P").save(other / "1-palette.png")
    palette = Image.new("P", (2, 2))
    palette.putpalette([0, 0, 0, 255, 255, 255])
    palette.putpixel((0, 0), 1)
    palette.save(other / "1-palette.png")
    Image.fromarray(np.full((2, 2), 0x8080, np.uint16)).save(other / "2-sixteen.png")
    Image.new("RGBA", (2, 2), (200, 100, 50, 128)).save(other / "3-alpha.png")


HERE.mkdir(exist_ok=True)
arrays()
tables()
pictures()
