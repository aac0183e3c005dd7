"""Models as PyTorch's exporter writes them, with what PyTorch computes: golden data for test/onnx/foreign.test.ts.

    python3 test/golden/onnx_export.py > test/golden/onnx_export.json      # torch 2.13.0, onnx 1.23.1

Two models of one kind: with batch norm folded into the convolutions (as exported for inference), and with it apart
(TrainingMode.PRESERVE; some statistics are equal on purpose, which the exporter then merges through Identity).
"""
import base64
import io
import json
import warnings

import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 10, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(10, momentum=.03)
        self.depthwise = nn.Conv2d(5, 5, 5, 1, 2, groups=5)
        self.project = nn.Conv2d(5, 6, 1)
        self.after = nn.BatchNorm2d(6)
        self.down = nn.Conv2d(11, 11, 3, 2, 1, groups=11)
        self.head = nn.Conv2d(11, 4, 1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.stem(x))), 3, 2, 1)
        kept, x = x[:, 0::2], x[:, 1::2]
        x = F.leaky_relu(self.after(self.project(self.depthwise(x))), .1)
        fine = torch.cat((kept, x), 1)
        coarse = self.down(fine)
        fine = fine + F.interpolate(coarse, scale_factor=2, mode='nearest')
        return self.head(F.relu(fine)), self.head(coarse)


def main():
    warnings.simplefilter('ignore')
    torch.manual_seed(1)
    net = Net().eval()
    nn.init.uniform_(net.norm.running_mean, -.5, .5)
    nn.init.uniform_(net.norm.running_var, .5, 2)   # after keeps its first statistics: variance equals gamma, mean equals beta
    x = torch.randint(0, 256, (1, 3, 16, 24)).sub(128).div(255)
    outputs = dict(zip(('fine', 'coarse'), net(x)))
    cases = []
    for name, training, opset in (('folded', 'EVAL', 17), ('normalised', 'PRESERVE', 13)):
        file = io.BytesIO()
        torch.onnx.export(net, (x,), file, dynamo=False, opset_version=opset, training=getattr(torch.onnx.TrainingMode, training),
                          input_names=['pixels'], output_names=list(outputs), dynamic_axes={'pixels': {2: 'height', 3: 'width'}})
        model = onnx.load_from_string(file.getvalue())
        onnx.checker.check_model(model, full_check=True)
        cases.append({'name': name, 'ops': [node.op_type for node in model.graph.node], 'model': base64.b64encode(file.getvalue()).decode()})
    channels_last = lambda t: [float(f'{v:.7g}') for v in t[0].permute(1, 2, 0).flatten().tolist()]
    print(json.dumps({
        'torch': torch.__version__, 'onnx': onnx.__version__, 'height': 16, 'width': 24, 'cases': cases,
        'input': [round(v * 255) + 128 for v in channels_last(x)],
        'outputs': {k: {'height': v.shape[2], 'width': v.shape[3], 'channels': v.shape[1], 'data': channels_last(v)} for k, v in outputs.items()},
    }, separators=(',', ':')))


if __name__ == '__main__':
    main()
