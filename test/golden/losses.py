"""Writes test/golden/losses.json: the losses' values and gradients by PyTorch's autograd, in float64 on a CPU.

python3 test/golden/losses.py     (Python 3.11, PyTorch 2.13.0)

map        binary_cross_entropy_with_logits, each cell times a factor without a gradient (detached): |q - p|^1.5 + 0.1 q where the quality q
           is more than 0, 0.8 p^2 where it is 0 (after varifocal loss, arXiv 2008.13367, and quality focal loss, arXiv 2006.04388)
presence   binary_cross_entropy_with_logits
box        1 - GIoU (arXiv 1902.09630) of boxes in corner form, from log distances clamped to -4..5
Inputs are multiples of 1/64, which float32 holds exactly.
"""
import json
from pathlib import Path

import torch
from torch.nn import functional as F

torch.manual_seed(2)
torch.set_default_dtype(torch.float64)
SCALE = 0.375


def grid(*shape, spread=1.0):
    return torch.round(torch.randn(*shape) * spread * 64) / 64


def flat(t):
    return [float(f'{v:.8g}') for v in t.detach().reshape(-1).tolist()]


def map_loss(cells):
    logit = grid(cells, spread=3).requires_grad_()
    quality = torch.round(torch.rand(cells) * 64) / 64 * (torch.rand(cells) < 0.5)
    weight = torch.round(torch.rand(cells) * 128) / 64 * (torch.rand(cells) < 0.8)
    p = logit.sigmoid()
    factor = torch.where(quality > 0, (quality - p).abs() ** 1.5 + 0.1 * quality, 0.8 * p ** 2).detach()
    loss = (weight * factor * F.binary_cross_entropy_with_logits(logit, quality, reduction='none')).sum() * SCALE
    grad, = torch.autograd.grad(loss, logit)
    return {'logit': flat(logit), 'quality': flat(quality), 'weight': flat(weight), 'scale': SCALE, 'loss': loss.item(), 'gradient': flat(grad)}


def presence_loss(n):
    logit = grid(n, spread=3).requires_grad_()
    target = (torch.rand(n) < 0.5).double()
    weight = torch.round(torch.rand(n) * 128) / 64
    loss = (weight * F.binary_cross_entropy_with_logits(logit, target, reduction='none')).sum() * SCALE
    grad, = torch.autograd.grad(loss, logit)
    return {'logit': flat(logit), 'target': flat(target), 'weight': flat(weight), 'scale': SCALE, 'loss': loss.item(), 'gradient': flat(grad)}


def giou(a, b):
    """Of boxes [n, 4]: x0, y0, x1, y1."""
    def area(corners):
        return (corners[:, 2] - corners[:, 0]).clamp(min=0) * (corners[:, 3] - corners[:, 1]).clamp(min=0)

    inner = torch.cat([torch.maximum(a, b)[:, :2], torch.minimum(a, b)[:, 2:]], 1)
    outer = torch.cat([torch.minimum(a, b)[:, :2], torch.maximum(a, b)[:, 2:]], 1)
    overlap, hull = area(inner), area(outer)
    union = area(a) + area(b) - overlap
    return overlap / union - (hull - union) / hull


def box_loss(n):
    distance = grid(n, 4).requires_grad_()
    with torch.no_grad():
        distance[0, 0], distance[1, 1] = 6, -5  # beyond the clamp: no gradient
    target = torch.round(torch.exp(grid(n, 4)) * 64 + 1) / 64
    target[2, 0], target[2, 2] = -3, 5  # a box that lies beside its cell
    weight = torch.round(torch.rand(n) * 128) / 64
    sign = torch.tensor([-1.0, -1.0, 1.0, 1.0])
    loss = (weight * (1 - giou(sign * distance.clamp(-4, 5).exp(), sign * target))).sum() * SCALE
    grad, = torch.autograd.grad(loss, distance)
    return {'distance': flat(distance), 'target': flat(target), 'weight': flat(weight), 'scale': SCALE, 'loss': loss.item(), 'gradient': flat(grad)}


golden = {
    'version': torch.__version__,
    'map': [map_loss(1), map_loss(7), map_loss(64)],
    'presence': [presence_loss(1), presence_loss(9)],
    'box': [box_loss(5), box_loss(24)],
}
Path(__file__).with_suffix('.json').write_text(json.dumps(golden, separators=(',', ':')) + '\n')
