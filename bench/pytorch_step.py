"""PyTorch's CPU training step and forward pass on the reference net of reference.ts: `python bench/pytorch_step.py [threads]` prints
milliseconds a picture (batch 8 for the step, 1 for the forward pass with norms folded), the median of many.
Made with torch 2.13.0; not a part of the package."""
import statistics
import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
BATCH, HEIGHT, WIDTH, PATH, HEAD = 8, 192, 320, 64, 32
STAGES = ((4, 32, 2), (8, 64, 2), (16, 128, 5), (32, 256, 2))


class Block(nn.Sequential):
    """Convolution, norm (or a bias in its place) and ReLU."""

    def __init__(self, ci, co, kernel=1, stride=1, groups=1, norm=True):
        layers = [nn.Conv2d(ci, co, kernel, stride, kernel // 2, groups=groups, bias=not norm)]
        super().__init__(*layers, *([nn.BatchNorm2d(co)] if norm else []), nn.ReLU(inplace=True))


def separable(ci, co, stride=1, norm=True):
    return nn.Sequential(Block(ci, ci, 3, stride, ci, norm), Block(ci, co, norm=norm))


class Net(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.stem = Block(3, 16, 3, 2, norm=norm)
        self.stages = nn.ModuleList()
        self.laterals = nn.ModuleList()
        channels = 16
        for stride, co, blocks in STAGES:
            self.stages.append(nn.Sequential(*(separable(channels if i == 0 else co, co, 2 if i == 0 else 1, norm) for i in range(blocks))))
            channels = co
            if stride >= 8:
                self.laterals.append(Block(co, PATH, norm=norm))
        self.heads = nn.ModuleList(nn.Sequential(separable(PATH, HEAD, norm=norm), nn.Conv2d(HEAD, 5, 1)) for _ in range(4))

    def forward(self, x):
        x = self.stem(x)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        path = self.laterals[2](features[3])
        for i in (2, 1):
            path = self.laterals[i - 1](features[i]) + nn.functional.interpolate(path, scale_factor=2, mode="nearest")
        return [head(path) for head in self.heads]


def median(run, repeats, pictures):
    for _ in range(5):
        run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start) / pictures)
    return statistics.median(times), min(times)


for layout in (torch.channels_last, torch.contiguous_format):
    train = Net(True).to(memory_format=layout).train()
    folded = Net(False).to(memory_format=layout).eval()
    optimizer = torch.optim.AdamW(train.parameters(), 1e-5)
    pictures = torch.rand(BATCH, 3, HEIGHT, WIDTH).to(memory_format=layout)
    gradients = [torch.randn(BATCH, 5, HEIGHT // 8, WIDTH // 8) * 1e-3 for _ in range(4)]

    def step():
        optimizer.zero_grad()
        torch.autograd.backward(train(pictures), gradients)
        optimizer.step()

    def forward():
        with torch.inference_mode():
            folded(pictures[:1])

    for name, run, repeats, count in (("step", step, 25, BATCH), ("forward", forward, 100, 1)):
        mid, least = median(run, repeats, count)
        print(f"{str(layout).split('.')[1]:18} {name:8} median {mid:7.2f} ms a picture, least {least:.2f}")
