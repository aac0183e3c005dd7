"""Writes test/golden/ops.json: what PyTorch computes for the network's ops, forward and backward, in float64 on a CPU.

python3 test/golden/ops.py     (Python 3.11, PyTorch 2.13.0)

Every gradient is that of sum(y * dy) by autograd. Inputs are multiples of 1/64 (pooling: of 1/2, so that many are equal), which float32
holds exactly. Tensors are NCHW, weights as PyTorch keeps them, all flattened. Optimizers: weights after each of a few steps.
"""
import json
from pathlib import Path

import torch
from torch.nn import functional as F

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


def grid(*shape, step=64, spread=1.0):
    return torch.round(torch.randn(*shape) * spread * step) / step


def flat(t):
    return [float(f'{v:.8g}') for v in t.detach().reshape(-1).tolist()]


def gradients(y, dy, **leaves):
    grads = torch.autograd.grad((y * dy).sum(), list(leaves.values()))
    return {'y': flat(y), 'dy': flat(dy), **{f'd{name}': flat(g) for name, g in zip(leaves, grads)}}


def convolution(n, h, w, ci, co, kernel, stride, depthwise):
    x = grid(n, ci, h, w).requires_grad_()
    weight = grid(co, 1 if depthwise else ci, kernel, kernel).requires_grad_()
    bias = grid(co).requires_grad_()
    y = F.conv2d(x, weight, bias, stride=stride, padding=kernel // 2, groups=ci if depthwise else 1)
    return {'n': n, 'height': h, 'width': w, 'ci': ci, 'co': co, 'kernel': kernel, 'stride': stride, 'depthwise': depthwise,
            'x': flat(x), 'weight': flat(weight), 'bias': flat(bias), **gradients(y, grid(*y.shape), x=x, weight=weight, bias=bias)}


def normalisation(n, h, w, c, slope, offset):
    x = (grid(n, c, h, w) + offset).requires_grad_()
    gamma, beta = (grid(c, spread=0.5) + 1).requires_grad_(), grid(c).requires_grad_()
    mean, variance = grid(c), grid(c).abs() + 0.5
    before = {'mean': flat(mean), 'variance': flat(variance)}
    y = F.leaky_relu(F.batch_norm(x, mean, variance, gamma, beta, training=True, momentum=0.1, eps=1e-5), slope)
    return {'n': n, 'height': h, 'width': w, 'c': c, 'slope': slope, 'epsilon': 1e-5, 'momentum': 0.1, 'x': flat(x), 'gamma': flat(gamma),
            'beta': flat(beta), **before, 'meanAfter': flat(mean), 'varianceAfter': flat(variance),
            **gradients(y, grid(*y.shape), x=x, gamma=gamma, beta=beta)}


def pooling(n, h, w, c):
    x = (torch.randint(-2, 3, (n, c, h, w)) / 2).requires_grad_()
    y = F.max_pool2d(x, 3, 2, 1)
    return {'n': n, 'height': h, 'width': w, 'c': c, 'x': flat(x), **gradients(y, grid(*y.shape), x=x)}


def optimizer(make, constants, n=8, steps=5):
    w = grid(n).requires_grad_()
    start = flat(w)
    opt = make([w], **constants)
    taken, after = [], []
    for step in range(steps):
        w.grad = grid(n) * 10.0 ** -(step % 3)
        taken.append(flat(w.grad))
        opt.step()
        after.append(flat(w))
    return {**constants, 'w': start, 'gradients': taken, 'after': after}


golden = {
    'version': torch.__version__,
    'convolutions': [
        convolution(2, 5, 3, 3, 8, 3, 1, False),
        convolution(1, 5, 5, 3, 8, 3, 2, False),
        convolution(1, 4, 3, 8, 8, 3, 2, False),
        convolution(1, 3, 3, 8, 16, 1, 1, False),
        convolution(1, 3, 5, 8, 8, 3, 1, True),
        convolution(1, 5, 6, 8, 8, 3, 2, True),
        convolution(1, 3, 6, 8, 8, 5, 1, True),
        convolution(2, 5, 4, 8, 8, 5, 2, True),
    ],
    'norms': [normalisation(2, 3, 3, 8, 1.0, 0.0), normalisation(3, 2, 1, 8, 0.0, 0.5), normalisation(1, 3, 5, 8, 0.125, -3.0)],
    'pools': [pooling(1, 5, 5, 8), pooling(2, 4, 3, 8), pooling(1, 1, 1, 8)],
    'adamw': [
        optimizer(torch.optim.AdamW, {'lr': 0.01, 'betas': [0.9, 0.999], 'eps': 1e-8, 'weight_decay': 0.0}),
        optimizer(torch.optim.AdamW, {'lr': 0.05, 'betas': [0.8, 0.95], 'eps': 1e-6, 'weight_decay': 0.1}),
    ],
    'sgd': [
        optimizer(torch.optim.SGD, {'lr': 0.1, 'momentum': 0.9, 'weight_decay': 0.0}),
        optimizer(torch.optim.SGD, {'lr': 0.05, 'momentum': 0.75, 'weight_decay': 0.125}),
    ],
}
Path(__file__).with_suffix('.json').write_text(json.dumps(golden, separators=(',', ':')) + '\n')
