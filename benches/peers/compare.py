"""Steps of sae and of PyTorch in turn, pair by pair, on this machine.

    cargo bench -p sae-kernels --no-run
    python benches/peers/compare.py [--rounds 9] [--seconds 1] [--threads 2] [--rules compiled,autograd]
    cargo bench -p sae-gpu --features wgpu --no-run
    python benches/peers/compare.py --gpu wgpu

Python must have `torch`. Each round runs ours, then theirs; a ratio is ours / theirs of one round, so
that a machine that slows down slows both. Prints the median ratio with the least and the largest.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIZES = ["900,100,256", "784,196,256", "784,400,1000", "4096,1024,512"]
BATCHES = ["900,100,32", "784,196,32", "784,400,32", "4096,1024,32"]
FULL = ["900,100,10000", "784,196,10000"]
GPU_SIZES = ["900,100,256", "784,400,1000", "4096,1024,512", "784,200,60000"]


class Peer:
    def __init__(self, command):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        while self.read() != "ready":
            pass

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args} ended")
        return line.strip()

    def milliseconds(self, seconds):
        self.process.stdin.write(f"go {seconds}\n")
        self.process.stdin.flush()
        return float(self.read())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def ours(name, package):
    """The newest benchmark program that cargo has built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [p for p in target.glob(f"release/deps/{name}-*") if os.access(p, os.X_OK) and not p.suffix]
    if not built:
        sys.exit(f"build it first: cargo bench -p {package} --no-run")
    return max(built, key=lambda p: p.stat().st_mtime)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rules")
    parser.add_argument("--sizes", nargs="*")
    parser.add_argument("--gpu", choices=["wgpu", "cuda"], help="both on the GPU, PyTorch through CUDA")
    arguments = parser.parse_args()
    threads = str(arguments.threads)
    if arguments.gpu:
        program = ours("gpu_step", f"sae-gpu --features {arguments.gpu}")
        rules, sizes, device = "autograd,manual,tuned,graph", GPU_SIZES, "cuda"
    else:
        program = ours("fused_step", "sae-kernels")
        rules, sizes, device = "autograd,manual,compiled", SIZES + BATCHES + FULL, "cpu"
    rules, sizes = arguments.rules or rules, arguments.sizes or sizes
    place = f"{platform.processor() or platform.machine()}, {threads} threads"
    if arguments.gpu:
        import torch

        place = torch.cuda.get_device_name()
    print(f"{place}, {arguments.rounds} rounds")
    print(f"{'N-H, rows':<20} {'rule':<10} {'ours ms':>9} {'theirs ms':>10} {'ratio':>7}  least - largest")
    for size in sizes:
        for rule in rules.split(","):
            script = str(Path(__file__).with_name("step.py"))
            pair = [
                Peer([str(program), "--serve", size, "--threads", threads]),
                Peer(
                    [sys.executable, script, "--rule", rule, "--size", size]
                    + ["--threads", threads, "--device", device]
                ),
            ]
            rounds = [[p.milliseconds(arguments.seconds) for p in pair] for _ in range(arguments.rounds)]
            for p in pair:
                p.stop()
            ratios = sorted(a / b for a, b in rounds)
            mine, theirs = (statistics.median(side) for side in zip(*rounds))
            n, h, rows = size.split(",")
            print(
                f"{n + '-' + h + ', ' + rows:<20} {rule:<10} {mine:>9.3f} {theirs:>10.3f} "
                f"{statistics.median(ratios):>7.2f}  {ratios[0]:.2f} - {ratios[-1]:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
