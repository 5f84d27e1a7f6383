#!/usr/bin/env python3
"""Detectors against torchvision and ONNX Runtime, in turns: the latency of a whole detector, suppression included.

    detection.py MLRUN [--models ssdlite,mobilenet320,...] [--rounds 5] [--seconds 3] [--threads 2] [--node-modules DIR]

Batch 1. mlrun's graphs (`bench --engine graph`), its layers, and torchvision's eager mode run the same weights on images
that already have the size that the model works on; torchvision is called behind its transform (resize, normalization,
batching), which mlrun's figure has not in it either. The weights are the initial ones with the statistics of noise and
heads that are about as sure as trained ones: a few hundred candidates, some tens of objects. --node-modules (a folder that
has onnxruntime-node): also torchvision's export of SSDlite, the whole of it with suppression, in ONNX Runtime. Peers take
turns; a ratio is the median of the rounds' ratios, with the quartiles. Exit code 3 where a mark is missed.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile

import ratios

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = ["/usr/bin/python3", "-W", "ignore"]
# Of torchvision's time at most so much.
MODELS = {
    "ssdlite": ("ssdlite320_mobilenet_v3_large", 320, 0.5),
    "mobilenet320": ("fasterrcnn_mobilenet_v3_large_320_fpn", 320, 0.5),
    "fasterrcnn": ("fasterrcnn_resnet50_fpn", 800, 0.85),
    "retinanet": ("retinanet_resnet50_fpn", 800, 0.85),
}
ONNX_MARK = 0.6  # SSDlite, of ONNX Runtime's time
FROZEN = ("fasterrcnn_resnet50_fpn", "retinanet_resnet50_fpn")  # as with published weights


def run(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit("detection.py: " + " ".join(command) + " failed:\n" + done.stderr)
    return done.stdout


# The peers: each of these functions runs in a process of its own, as `detection.py --peer NAME ...`.


def built(name):
    import torchvision
    from torchvision.models import resnet50
    from torchvision.models.detection import backbone_utils

    if name not in FROZEN:
        return torchvision.models.get_model(name, weights=None, weights_backbone=None)
    from torchvision.ops import misc, feature_pyramid_network as pyramid
    from torchvision.models.detection import FasterRCNN, RetinaNet

    body = resnet50(norm_layer=misc.FrozenBatchNorm2d)
    if name == "fasterrcnn_resnet50_fpn":
        return FasterRCNN(backbone_utils._resnet_fpn_extractor(body, 5), 91)
    extra = pyramid.LastLevelP6P7(256, 256)
    return RetinaNet(backbone_utils._resnet_fpn_extractor(body, 5, returned_layers=[2, 3, 4], extra_blocks=extra), 91)


def images_of(size):
    import torch

    torch.manual_seed(1)
    return torch.randn(1, 3, size, size)


def features_of(model, images):
    features = model.backbone(images)
    return list(features.values()) if not hasattr(features, "dim") else [features]


def detect(model, images):
    """What torchvision does behind its transform."""
    from torchvision.models.detection.image_list import ImageList

    size = tuple(images.shape[-2:])
    batch = ImageList(images, [size])
    if hasattr(model, "rpn"):
        features = model.backbone(images)
        proposals, _ = model.rpn(batch, features, None)
        return model.roi_heads(features, proposals, [size], None)[0]
    features = features_of(model, images)
    outputs = model.head(features)
    anchors = model.anchor_generator(batch, features)
    if type(model).__name__ == "SSD":
        return model.postprocess_detections(outputs, anchors, [size])
    counts = [f.size(2) * f.size(3) for f in features]
    each = outputs["cls_logits"].size(1) // sum(counts)
    split = {k: list(outputs[k].split([n * each for n in counts], dim=1)) for k in outputs}
    return model.postprocess_detections(split, [list(anchors[0].split([n * each for n in counts]))], [size])


def settle(model, images):
    """Statistics of batch norms from a pass over noise; frozen ones are left, and scale the residuals down instead."""
    import torch

    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    model.backbone.train()
    model.backbone(torch.cat([images, images.flip(3), images.flip(2)]))
    model.eval()
    for name, module in model.named_modules():
        if name.endswith("bn3") and not norms:
            module.weight.fill_(0.3)


def sharpen(model, images):
    """Heads whose scores have a spread like trained ones'."""
    import torch

    head, wanted = (model.roi_heads.box_predictor.cls_score, 0) if hasattr(model, "rpn") else (None, 0)
    if head is not None:
        model.rpn.head.cls_logits.weight.mul_(20)
        head.weight.mul_(30)
        head.bias[0] = 6
        return
    logits = model.head.classification_head(features_of(model, images))
    last = [m for m in model.head.classification_head.modules() if isinstance(m, torch.nn.Conv2d)]
    if type(model).__name__ == "SSD":
        spread = 2.2 / logits.std().item()
        for conv in (m for m in last if m.out_channels % 91 == 0 and m.kernel_size == (1, 1)):
            conv.weight.mul_(spread)
            conv.bias[0::91] = 12
        return
    conv = last[-1]
    bias = conv.bias.clone()
    conv.weight.mul_(1.2 / (logits - bias[0]).std().item())
    conv.bias.fill_(-7.5)


def peer_weights(name, size, file):
    import torch

    torch.manual_seed(0)
    model, images = built(name), images_of(int(size))
    with torch.no_grad():
        settle(model, images)
        sharpen(model, images)
        found = detect(model, images)[0]
    torch.save(model.state_dict(), file)
    print(json.dumps({"objects": len(found["boxes"])}))


def loaded(name, file):
    import torch

    model = built(name)
    model.load_state_dict(torch.load(file))
    return model.eval()


def peer_latency(name, size, file, threads, seconds):
    import torch

    torch.set_num_threads(int(threads))
    model, images = loaded(name, file), images_of(int(size))
    with torch.no_grad():
        print(json.dumps(statistics.median(ratios.timed(lambda: detect(model, images), float(seconds)))))


def peer_onnx(name, size, file, target):
    import torch

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = loaded(name, file)

        def forward(self, images):
            found = detect(self.model, images)[0]
            return found["boxes"], found["scores"], found["labels"]

    torch.onnx.export(Whole().eval(), images_of(int(size)), target, opset_version=13, input_names=["image"],
                      output_names=["boxes", "scores", "labels"])


PEERS = {"weights": peer_weights, "latency": peer_latency, "onnx": peer_onnx}


def peer(name, *arguments, threads=1):
    out = run([*PYTHON, os.path.abspath(__file__), "--peer", name, *map(str, arguments)], OMP_NUM_THREADS=str(threads))
    return json.loads(out) if out.strip() else None


def bench(o, engine, name, size, file):
    options = ["model.norm=frozen"] if name in FROZEN else []
    out = run([o.mlrun, "bench", "--model", name, f"model.weights={file}", *options, "--engine", engine, "--size", str(size),
               "--threads", str(o.threads), "--memory-format", "contiguous", "--seconds", str(o.seconds), "--json"])
    return json.loads(out)["result"][0]["p50"]


def onnxruntime_time(o, size, file):
    command = ["node", HERE + "/latency_onnxruntime.js", file, "1", str(o.threads), str(o.seconds), str(size)]
    return statistics.median(json.loads(run(command, NODE_PATH=o.node_modules))["onnxruntime"])


def told(what, against, found, times, mark):
    low, middle, high = statistics.quantiles(found, n=4) if len(found) > 1 else found * 3
    met = ratios.note(what, against, (middle, low, high), mark)
    verdict = "" if mark is None else f", mark {mark:.2f}: {'met' if met else 'not met'}"
    print(f"  {what}: {middle:.2f} of {against} ({low:.2f} to {high:.2f}), {statistics.median(times[0]):.1f} and "
          f"{statistics.median(times[1]):.1f} ms{verdict}", flush=True)
    return met


def measure(o, key, work):
    name, size, mark = MODELS[key]
    file = os.path.join(work, name + ".pth")
    print(f"{name}, {size} px, {peer('weights', name, size, file)['objects']} objects", flush=True)
    target = os.path.join(work, name + ".onnx")
    whole = o.node_modules and key == "ssdlite"
    if whole:
        peer("onnx", name, size, file, target)
    ours, layers, theirs, runtime = [], [], [], []
    for _ in range(o.rounds):
        ours.append(bench(o, "graph", name, size, file))
        theirs.append(peer("latency", name, size, file, o.threads, o.seconds, threads=o.threads))
        layers.append(bench(o, "eager", name, size, file))
        if whole:
            runtime.append(onnxruntime_time(o, size, target))

    def against(what, other, limit):
        return told(f"{key}, batch 1", what, [a / b for a, b in zip(ours, other)], (ours, other), limit)

    met = against("torchvision eager", theirs, mark)
    against("mlrun's layers", layers, None)
    return (not whole or against("onnxruntime", runtime, ONNX_MARK)) and met


def processor():
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("mlrun")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--node-modules")
    o = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} processors, {o.threads} threads")
    met = True
    with tempfile.TemporaryDirectory() as work:
        for key in o.models.split(","):
            met = measure(o, key, work) and met
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        PEERS[sys.argv[2]](*sys.argv[3:])
    else:
        sys.exit(main())
