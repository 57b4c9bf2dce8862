"""Writes one matrix in many formats by NumPy, safetensors, Pillow, csv and pyarrow.

    python3 tests/reference/files.py

The matrix of numbers is [[0.5, -1, 2], [3, 4.25, -6], [7, 8, 9.5], [0, 1, 2]]; that of pixels is
[[0, 1, 2], [127, 128, 129], [253, 254, 255], [3, 5, 7]].
"""

import csv
import gzip
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
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


def parquet():
    numbers = {"a": NUMBERS[:, 0], "b b": NUMBERS[:, 1].astype("f4"), "c": NUMBERS[:, 2]}
    kinds = pa.array([str(label) for label in LABELS])
    for codec in ["snappy", "gzip", "zstd", "lz4", "none"]:
        table = pa.table({**numbers, "kind": kinds})
        pq.write_table(table, HERE / f"numbers_{codec}.parquet", compression=codec, row_group_size=3)
    whole = (PIXELS[:, 0] > 100).astype("i8")
    types = [pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(),
             pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.bool_()]
    columns = {str(kind): pa.array(whole.astype(kind.to_pandas_dtype()), kind) for kind in types}
    pq.write_table(pa.table(columns), HERE / "whole.parquet")
    pq.write_table(pa.table({"u4": pa.array([2**32 - 1], pa.uint32()),
                             "u8": pa.array([2**64 - 1], pa.uint64())}), HERE / "unsigned.parquet")
    pq.write_table(pa.table({"a": pa.array([1.0, None, 3.0]), "b": pa.array([1, 2, None]),
                             "kind": pa.array(["x", None, "y"])}), HERE / "missing.parquet")
    pq.write_table(pa.table({"a": [1.0, 2.0, 3.0], "kind": pa.array(["x", "y", "x"]).dictionary_encode()}),
                   HERE / "words.parquet")
    words = pa.array([None if row % 7 == 0 else f"word {row % 10}" for row in range(300)])
    halves = pa.array(np.arange(300).astype("f2"), pa.float16())
    for encoding in ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]:
        for version in ["1.0", "2.0"]:
            encodings = {"half": "DELTA_BYTE_ARRAY", "word": encoding}
            pq.write_table(pa.table({"half": halves, "word": words}), HERE / f"{encoding.lower()}_{version[0]}.parquet",
                           use_dictionary=False, column_encoding=encodings, data_page_version=version)
    pq.write_table(pa.table({"a": [1.0], "list": [[1.0, 2.0]]}), HERE / "nested.parquet")
    pq.write_table(pa.table({"a": [1.0], "group": [{"x": 1.0}]}), HERE / "group.parquet")
    pq.write_table(pa.table({"a": [1.0], "when": pa.array([0], pa.timestamp("us"))}),
                   HERE / "times.parquet")
    pq.write_table(pa.table({"a": pa.array([], pa.float64())}), HERE / "empty.parquet")
    pq.write_table(pa.table({"a": [1.0, float("inf")]}), HERE / "infinite.parquet")


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
parquet()
pictures()
