"""Codes and scores of many rows, from NPY to NPY: `sae encode` and `sae score` against a PyTorch script
that does the same with the same weights. Whole processes, in turn.

    python3 benches/peers/apply.py SAE [ROWS [ROUNDS]]

SAE is the program, for example target/release/sae. Needs NumPy, safetensors and PyTorch. The model is
784-200-200, min-max scaled, with sigmoid units.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

THEIRS = '''
import sys
import numpy as np
import torch
from safetensors.numpy import load_file
torch.set_num_threads({threads})
what, model, data, out = sys.argv[1:]
w = {{k: torch.from_numpy(v) for k, v in load_file(model).items() if v.dtype == np.float32}}
layers = [0, 1]
x = np.load(data, mmap_mode="r")
result = np.lib.format.open_memmap(out, mode="w+", dtype=np.float32,
                                   shape=(len(x), 200 if what == "encode" else 1))
with torch.inference_mode():
    for first in range(0, len(x), 4096):
        part = torch.from_numpy(np.ascontiguousarray(x[first:first + 4096]))
        code = part
        for k in layers:
            code = torch.sigmoid(torch.addmm(w[f"autoencoders.{{k}}.encoder.bias"], code,
                                             w[f"autoencoders.{{k}}.encoder.weight"]))
        if what == "encode":
            result[first:first + 4096] = code.numpy()
            continue
        z = code
        for k in reversed(layers):
            z = torch.sigmoid(torch.addmm(w[f"autoencoders.{{k}}.decoder.bias"], z,
                                          w[f"autoencoders.{{k}}.decoder.weight"]))
        result[first:first + 4096] = (z - part).square().mean(1, keepdim=True).sqrt().numpy()
result.flush()
'''

CONFIG = """
classifier = false
[data]
source = "npy"
[data.files]
train = "train.npy"
[[layers]]
hidden = 200
[[layers]]
hidden = 200
[pretrain]
epochs = 1
"""


def timed(command):
    """Seconds and peak MB of a whole process."""
    start = time.perf_counter()
    # A hook makes it fork: what shares this process's memory for a moment would count its peak.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=lambda: None)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"failed: {command}")
    return seconds, usage.ru_maxrss / 1024


def main():
    sae = sys.argv[1]
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.save(folder / "train.npy", rng.random((2000, 784), np.float32))
        (folder / "c.toml").write_text(CONFIG)
        subprocess.run([sae, "train", folder / "c.toml", "--out", folder / "run", "--quiet"], check=True)
        model = folder / "run" / "model.safetensors"
        data = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, (rows, 784))
        for first in range(0, rows, 50_000):
            part = data[first:first + 50_000]
            part[:] = rng.random(part.shape, np.float32)
        data.flush()
        del data, part
        script = folder / "theirs.py"
        script.write_text(THEIRS.format(threads=len(os.sched_getaffinity(0))))
        for what in ["encode", "score"]:
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(timed([sae, what, model, folder / "x.npy", "--out", folder / "a.npy"]))
                theirs.append(timed([sys.executable, script, what, model, folder / "x.npy",
                                     folder / "b.npy"]))
            a, b = (np.load(folder / name, mmap_mode="r") for name in ["a.npy", "b.npy"])
            difference = max(float(np.abs(a[f:f + 50_000] - b[f:f + 50_000]).max())
                             for f in range(0, rows, 50_000))
            del a, b
            ratio = statistics.median(t[0] / o[0] for o, t in zip(ours, theirs))
            own, other = (statistics.median(rows / run[0] for run in runs) for runs in [ours, theirs])
            print(f"{what}: ours {own:,.0f} rows/s, {max(m for _, m in ours):.0f} MB; PyTorch "
                  f"{other:,.0f} rows/s, {max(m for _, m in theirs):.0f} MB; {ratio:.2f} times as fast; "
                  f"largest difference {difference:.1e}", flush=True)


main()
