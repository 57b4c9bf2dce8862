"""One training step of a sparse autoencoder in PyTorch, five ways.

    python benches/peers/step.py --rule compiled --size 900,100,256 --threads 2
    python benches/peers/step.py --rule tuned --size 900,100,256 --device cuda

Forward, KL, backward and plain SGD, the step of `sae`'s `step` benchmark. Prints one line per
request read from standard input: `go SECONDS` runs steps for that long and prints the median time of
a step in milliseconds; on a GPU the time of many steps by their number, since none is waited for.
`benches/peers/compare.py` drives it.
"""

import argparse
import statistics
import sys
import time

import torch

ALPHA, BETA, RHO, ETA = 1e-3, 3.0, 0.1, 1e-3


def tensors(n, h, r, device):
    generator = torch.Generator().manual_seed(1)
    uniform = lambda *shape: torch.rand(*shape, generator=generator)
    limit = (6.0 / (n + h + 1)) ** 0.5
    w1, w2 = (limit * (2 * uniform(*shape) - 1) for shape in [(n, h), (h, n)])
    return [values.to(device) for values in (uniform(r, n), w1, torch.zeros(h), w2, torch.zeros(n))]


def autograd(x, w1, b, w2, c):
    """What people write: the objective, backward(), and torch's SGD."""
    parameters = [p.requires_grad_() for p in (w1, b, w2, c)]
    optimizer = torch.optim.SGD(parameters, lr=ETA)

    def step():
        optimizer.zero_grad()
        y = torch.sigmoid(x @ w1 + b)
        z = torch.sigmoid(y @ w2 + c)
        rho_hat = y.mean(0)
        kl = RHO * (RHO / rho_hat).log() + (1 - RHO) * ((1 - RHO) / (1 - rho_hat)).log()
        decay = 0.5 * ALPHA * (w1.square().sum() + w2.square().sum())
        loss = 0.5 * (z - x).square().sum() / len(x) + decay + BETA * kl.sum()
        loss.backward()
        optimizer.step()

    return step


def rule(x, w1, b, w2, c):
    """The delta rules, out of place."""
    r = x.shape[0]
    y = torch.sigmoid(x @ w1 + b)
    z = torch.sigmoid(y @ w2 + c)
    rho_hat = y.mean(0)
    error = z - x
    delta3 = error * z * (1 - z) / r
    slope = BETA * ((1 - RHO) / (1 - rho_hat) - RHO / rho_hat) / r
    delta2 = (delta3 @ w2.T + slope) * y * (1 - y)
    kl = RHO * (RHO / rho_hat).log() + (1 - RHO) * ((1 - RHO) / (1 - rho_hat)).log()
    decay = 0.5 * ALPHA * (w1.square().sum() + w2.square().sum())
    loss = 0.5 * error.square().sum() / r + decay + BETA * kl.sum()
    w1 -= ETA * (x.T @ delta2 + ALPHA * w1)
    b -= ETA * delta2.sum(0)
    w2 -= ETA * (y.T @ delta3 + ALPHA * w2)
    c -= ETA * delta3.sum(0)
    return loss


def manual(x, w1, b, w2, c):
    """The delta rules by hand, every operation in place in preallocated memory."""
    r = x.shape[0]
    y, slope2 = x.new_empty(r, len(b)), x.new_empty(r, len(b))
    z, slope3 = torch.empty_like(x), torch.empty_like(x)
    delta2 = torch.empty_like(y)

    def step():
        torch.addmm(b, x, w1, out=y).sigmoid_()
        torch.addmm(c, y, w2, out=z).sigmoid_()
        rho_hat = y.mean(0)
        torch.mul(z, z, out=slope3).neg_().add_(z)
        error = z.sub_(x)
        loss = 0.5 * torch.dot(error.view(-1), error.view(-1)) / r
        delta3 = error.mul_(slope3).mul_(1 / r)
        kl = RHO * (RHO / rho_hat).log() + (1 - RHO) * ((1 - RHO) / (1 - rho_hat)).log()
        loss += BETA * kl.sum()
        for w in (w1, w2):
            loss += 0.5 * ALPHA * torch.dot(w.view(-1), w.view(-1))
        torch.mm(delta3, w2.T, out=delta2)
        delta2.add_(BETA * ((1 - RHO) / (1 - rho_hat) - RHO / rho_hat) / r)
        torch.mul(y, y, out=slope2).neg_().add_(y)
        delta2.mul_(slope2)
        keep = 1 - ETA * ALPHA
        w1.addmm_(x.T, delta2, beta=keep, alpha=-ETA)
        b.sub_(delta2.sum(0), alpha=ETA)
        w2.addmm_(y.T, delta3, beta=keep, alpha=-ETA)
        c.sub_(delta3.sum(0), alpha=ETA)
        return loss

    return step


def compiled(x, w1, b, w2, c):
    """`torch.compile` of the delta rules."""
    function = torch.compile(rule, mode="max-autotune-no-cudagraphs", fullgraph=True)
    return lambda: function(x, w1, b, w2, c)


def tuned(x, w1, b, w2, c):
    """`torch.compile` with all that it can do, CUDA graphs included, which take no inputs that change."""
    for parameters in (w1, b, w2, c):
        torch._dynamo.mark_static_address(parameters)
    function = torch.compile(rule, mode="max-autotune", fullgraph=True)
    return lambda: function(x, w1, b, w2, c)


def graph(*values):
    """The delta rules by hand, recorded as a CUDA graph."""
    step = manual(*values)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    recorded = torch.cuda.CUDAGraph()
    with torch.cuda.graph(recorded):
        step()
    return recorded.replay


def median_of_each(run, seconds):
    until = time.perf_counter() + seconds
    times = []
    while not times or time.perf_counter() < until:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def mean_of_many(run, seconds):
    steps = 1
    while True:
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(steps):
            run()
        torch.cuda.synchronize()
        taken = time.perf_counter() - start
        if taken >= seconds:
            return taken / steps
        steps *= 2


def main():
    parser = argparse.ArgumentParser()
    rules = {"autograd": autograd, "manual": manual, "compiled": compiled, "tuned": tuned, "graph": graph}
    parser.add_argument("--rule", choices=rules, required=True)
    parser.add_argument("--size", required=True, help="inputs,hidden,rows")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    size = [int(number) for number in arguments.size.split(",")]
    values = tensors(*size, arguments.device)
    step = rules[arguments.rule](*values)
    if arguments.rule == "autograd":
        run = step
    else:
        inference = arguments.rule in ("manual", "graph")
        context = torch.inference_mode if inference else torch.no_grad

        def run():
            with context():
                step()

    for _ in range(5):
        run()
    measure = median_of_each if arguments.device == "cpu" else mean_of_many
    print("ready", flush=True)
    for line in sys.stdin:
        print(1e3 * measure(run, float(line.split()[1])), flush=True)


if __name__ == "__main__":
    main()
