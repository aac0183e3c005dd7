"""Writes test/golden/metrics.json: random pictures and detections with COCO's scores for them.

python3 test/golden/metrics.py     (Python 3.11, pycocotools 2.0.11, numpy 2)

The cases are made nasty on purpose: coordinates and scores on a coarse grid, so that scores and overlaps tie and overlaps hit
the thresholds exactly; boxes that touch; ignored regions (iscrowd), also alone in a picture or round a box; more than 100 detections; pictures
with labels and no detections and the other way round; tasks without a box; labels that are null or true.
Presence AP is counted by its definition: the mean, over positives, of the precision among all that score at least as high.
"""
import contextlib
import importlib.metadata
import io
import json
import random
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval, Params

SIZE = 64


def random_box(r, step):
    w, h = (r.randrange(step, SIZE // 2 + 1, step) for _ in range(2))
    return [r.randrange(0, SIZE - w + 1, step), r.randrange(0, SIZE - h + 1, step), w, h]


def nudged(r, box, step):
    """A box near the given one: often the same, or moved or grown by a step, sometimes so as only to touch."""
    x, y, w, h = box
    kind = r.randrange(9)
    if kind == 0:
        return [x + w, y, w, h]
    if kind == 1:
        return [x, y, w, max(1, h // 2)]
    if kind < 4:
        return [x + r.choice([-step, 0, step]), y + r.choice([-step, 0, step]), w, h]
    if kind == 4:
        return [x, y, w + r.choice([0, step]), h + r.choice([0, step])]
    return box


def make_case(seed):
    r = random.Random(seed)
    everything = seed % 2 == 0
    step = [1, 2, 4, 8][seed % 4]
    aim = .95 if seed >= 4 else .75
    tasks = ['a', 'b', 'never']
    samples, found = [], []
    for picture in range(10):
        labels, ignore, objects = {}, {}, []
        for task in tasks:
            boxes = [] if task == 'never' or r.random() < .3 else [random_box(r, step) for _ in range(r.randrange(1, 6))]
            regions = [random_box(r, step) for _ in range(r.choice([0, 0, 0, 1, 2]))]
            if boxes and r.random() < .4:
                x, y, w, h = r.choice(boxes)
                regions.append([x - step, y - step, w + 2 * step, h + 2 * step])
            if not everything:
                kind = r.random()
                boxes = None if kind < .15 else True if kind < .25 else boxes
            labels[task], ignore[task] = boxes, regions
            crowded = picture == 3 and task == 'a'
            near = (boxes if isinstance(boxes, list) else []) + regions
            for _ in range(120 if crowded else 0 if r.random() < .15 else r.randrange(0, 9)):
                box = nudged(r, r.choice(near), step) if near and r.random() < aim else random_box(r, step)
                objects.append([task, r.randrange(1, 40 if crowded else 10) / (40 if crowded else 10), box])
        r.shuffle(objects)
        samples.append({'labels': labels, 'ignore': ignore})
        found.append({'objects': objects, 'presence': {task: r.randrange(0, 7) / 6 for task in tasks}})
    if seed == 0:
        found = [{'objects': [], 'presence': f['presence']} for f in found]
    return {'seed': seed, 'everything': everything, 'tasks': tasks, 'samples': samples, 'found': found}


def dataset(content):
    coco = COCO()
    coco.dataset = content
    coco.createIndex()
    return coco


def coco_scores(case, tasks):
    """COCO's AP50, AP75 and AP for the tasks as categories over the pictures that are boxed for all of them; None where COCO says -1."""
    categories = [{'id': i + 1} for i in range(len(tasks))]
    images, truth, results = [], [], []
    for i, (sample, found) in enumerate(zip(case['samples'], case['found'])):
        if not all(isinstance(sample['labels'][task], list) for task in tasks):
            continue
        images.append({'id': i})
        for category, task in enumerate(tasks, 1):
            for crowd, boxes in enumerate((sample['labels'][task], sample['ignore'][task])):
                for b in boxes:
                    truth.append({'id': len(truth) + 1, 'image_id': i, 'category_id': category, 'bbox': b, 'area': b[2] * b[3], 'iscrowd': crowd})
        for task, score, b in found['objects']:
            if task in tasks:
                results.append({'id': len(results) + 1, 'image_id': i, 'category_id': tasks.index(task) + 1, 'bbox': b, 'score': score, 'area': b[2] * b[3]})
    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(dataset({'images': images, 'annotations': truth, 'categories': categories}),
                       dataset({'images': images, 'annotations': results, 'categories': categories}), 'bbox')
        run.evaluate(), run.accumulate(), run.summarize()
    ap, ap50, ap75 = (None if figure < 0 else float(figure) for figure in run.stats[:3])
    return {'ap50': ap50, 'ap75': ap75, 'ap': ap}


def presence_ap(case, task):
    pairs = []
    for sample, found in zip(case['samples'], case['found']):
        label = sample['labels'][task]
        if label is None or label == [] and sample['ignore'][task]:
            continue
        pairs.append((found['presence'][task], bool(label)))
    precisions = [sum(there for q, there in pairs if q >= p) / sum(q >= p for q, _ in pairs) for p, positive in pairs if positive]
    return sum(precisions) / len(precisions) if precisions else None


if __name__ == '__main__':
    cases = []
    for seed in range(8):
        case = make_case(seed)
        case['expected'] = {task: {**coco_scores(case, [task]), 'presenceAp': presence_ap(case, task)} for task in case['tasks']}
        if case['everything']:
            case['together'] = coco_scores(case, case['tasks'])
        cases.append(case)
    made = {'made': 'test/golden/metrics.py', 'pycocotools': importlib.metadata.version('pycocotools'), 'numpy': np.__version__,
            'overlaps': Params(iouType='bbox').iouThrs.tolist(), 'size': SIZE, 'cases': cases}
    path = Path(__file__).with_suffix('.json')
    path.write_text(json.dumps(made, separators=(',', ':')).replace('{"seed"', '\n{"seed"') + '\n')
    print(path, path.stat().st_size, [case['expected'] for case in cases])
