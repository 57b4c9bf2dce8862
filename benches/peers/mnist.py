"""configs/mnist.toml in PyTorch, as people write it: autograd, torch.optim.Adam, batches of a shuffled
index. Same data, architecture, objective, epochs and batch size; no pictures and no reports.

    SAE_MNIST_DIR=FOLDER python benches/peers/mnist.py [--threads 2] [--device cuda]

Compare the whole process with `sae train configs/mnist.toml --set control=false`, on a GPU with
`--backend wgpu`.
"""

import argparse
import gzip
import os
from pathlib import Path

import torch

ALPHA, BETA, RHO, LAMBDA, BATCH = 1e-3, 3.0, 0.1, 1e-5, 256


def read(name, header):
    path = Path(os.environ["SAE_MNIST_DIR"]) / name
    data = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(name + ".gz").read_bytes())
    return torch.frombuffer(bytearray(data[header:]), dtype=torch.uint8).to(torch.get_default_device())


def layer(inputs, outputs):
    limit = (6.0 / (inputs + outputs + 1)) ** 0.5
    weight = torch.empty(inputs, outputs).uniform_(-limit, limit).requires_grad_()
    return [weight, torch.zeros(outputs, requires_grad=True)]


def train(parameters, objective, samples, epochs, rate):
    optimizer = torch.optim.Adam(parameters, lr=rate)
    for _ in range(epochs):
        for rows in torch.randperm(len(samples[0])).split(BATCH):
            optimizer.zero_grad()
            objective(*(part[rows] for part in samples)).backward()
            optimizer.step()


def autoencoder(samples, hidden):
    w1, b = layer(samples.shape[1], hidden)
    w2, c = layer(hidden, samples.shape[1])

    def objective(x):
        x = x.float().div(255) if x.dtype == torch.uint8 else x
        y = torch.sigmoid(x @ w1 + b)
        z = torch.sigmoid(y @ w2 + c)
        rho_hat = y.mean(0)
        kl = RHO * (RHO / rho_hat).log() + (1 - RHO) * ((1 - RHO) / (1 - rho_hat)).log()
        decay = 0.5 * ALPHA * (w1.square().sum() + w2.square().sum())
        return 0.5 * (z - x).square().sum() / len(x) + decay + BETA * kl.sum()

    train([w1, b, w2, c], objective, [samples], epochs=40, rate=2e-3)
    with torch.no_grad():
        parts = samples.split(1000)
        scaled = (x.float().div(255) if x.dtype == torch.uint8 else x for x in parts)
        return [w1, b], torch.cat([torch.sigmoid(x @ w1 + b) for x in scaled])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_default_device(arguments.device)
    torch.manual_seed(1)
    images = read("train-images-idx3-ubyte", 16).view(-1, 784)
    labels = read("train-labels-idx1-ubyte", 8).long()
    first, codes = autoencoder(images, 200)
    second, codes = autoencoder(codes, 200)
    head = layer(200, 10)

    def head_objective(x, label):
        loss = torch.nn.functional.cross_entropy(x @ head[0] + head[1], label)
        return loss + 0.5 * LAMBDA * head[0].square().sum()

    train(head, head_objective, [codes, labels], epochs=60, rate=2e-2)

    def encode(x):
        y = torch.sigmoid(x.float().div(255) @ first[0] + first[1])
        return torch.sigmoid(y @ second[0] + second[1])

    def accuracy():
        test = read("t10k-images-idx3-ubyte", 16).view(-1, 784)
        expected = read("t10k-labels-idx1-ubyte", 8).long()
        with torch.no_grad():
            found = (encode(test) @ head[0] + head[1]).argmax(1)
        return (found == expected).float().mean().item()

    print(f"before fine-tuning {100 * accuracy():.2f}%")
    finetune = lambda x, label: head_objective(encode(x), label)
    train(first + second + head, finetune, [images, labels], epochs=15, rate=1e-3)
    print(f"after fine-tuning {100 * accuracy():.2f}%")


if __name__ == "__main__":
    main()
