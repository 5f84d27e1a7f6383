#!/usr/bin/env python3
"""Segmentation against torchvision and ONNX Runtime, in turns: latency, a training step, the input pipeline.

    segmentation.py MLRUN [--parts latency,train,input] [--rounds 3] [--seconds 3] [--threads 2]
                    [--node-modules DIR] [--data DIR --masks PROGRAM]

latency: LR-ASPP and DeepLabV3 on MobileNetV3-Large, batch 1, as published (520 px), mlrun's graph against torchvision's
eager mode (its faster memory format) and, where --node-modules has onnxruntime-node, ONNX Runtime on torchvision's export.
train: a step of LR-ASPP at 480 px, batch 8 (forward, cross-entropy without ignored pixels, backward, SGD with momentum and
weight decay), against the same in Python. input: decoding, joint transforms and collation of the training preset
(references/segmentation: resize, flip, crop, normalize) of a folder DIR (images/, masks/ of 0 and 255, train.txt, val.txt)
by two workers against a DataLoader with Pillow; the bits of the evaluation preset must be equal, which PROGRAM (target
`masks`, MLRUN_BENCH=ON) writes out. A peer's figure is the median over the rounds of its medians, a ratio the median of the
rounds' ratios. Exit code 3 where a mark is missed.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import ratios

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = ["/usr/bin/python3", "-W", "ignore"]
MODELS = ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"]
SIZE, CROP, BATCH, CLASSES, WORKERS = 520, 480, 8, 21, 2
# Of a peer's time at most so much.
MARKS = {"onnxruntime": 1.0, "torchvision eager": 0.45, "train": 0.7, "input": 1 / 3}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RECIPE = """task: segmentation
model: lraspp_mobilenet_v3_large
data:
  root: {root}
  format: segmentation_folder
  augment: {{name: segmentation_train, crop_size: 480}}
  preprocess: segmentation_eval
train: {{batch_size: 8}}
optimizer: sgd
"""


def run(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit("segmentation.py: " + " ".join(command) + " failed:\n" + done.stderr)
    return done.stdout


# The peers: each of these functions runs in a process of its own, as `segmentation.py --peer NAME ...`.


def built(name, order):
    import torch
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=CLASSES)
    return model.to(memory_format=torch.channels_last if order == "channels_last" else torch.contiguous_format)


def in_order(images, order):
    import torch

    return images.contiguous(memory_format=torch.channels_last) if order == "channels_last" else images


def peer_latency(name, threads, seconds):
    import torch

    torch.set_num_threads(int(threads))
    found = {}
    with torch.no_grad():
        for order in ("contiguous", "channels_last"):
            model, images = built(name, order).eval(), in_order(torch.randn(1, 3, SIZE, SIZE), order)
            found[order] = statistics.median(ratios.timed(lambda: model(images)["out"], float(seconds)))
    print(json.dumps(min(found.values())))


def peer_onnx(name, file):
    import torch

    class Out(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = built(name, "contiguous").eval()

        def forward(self, images):
            return self.model(images)["out"]

    torch.onnx.export(Out().eval(), torch.randn(1, 3, SIZE, SIZE), file, opset_version=13, input_names=["input"],
                      output_names=["out"])


def peer_train(name, threads, seconds):
    import torch

    torch.set_num_threads(int(threads))
    found = {}
    for order in ("contiguous", "channels_last"):
        model, images = built(name, order).train(), in_order(torch.randn(BATCH, 3, CROP, CROP), order)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-6)
        masks = torch.randint(CLASSES, (BATCH, CROP, CROP))

        def step():
            loss = torch.nn.functional.cross_entropy(model(images)["out"], masks, ignore_index=255)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss.item()

        found[order] = statistics.median(ratios.timed(step, float(seconds)))
    print(json.dumps(found))


def pairs(folder, split):
    folder = pathlib.Path(folder)
    images = {file.stem: file for file in (folder / "images").iterdir()}
    for name in (folder / f"{split}.txt").read_text().split():
        stem = pathlib.Path(name).stem
        yield images[stem], folder / "masks" / (stem + ".png")


class Folder:
    """As references/segmentation prepares images and masks."""

    def __init__(self, folder, split):
        self.files, self.train = list(pairs(folder, split)), split == "train"

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        import random

        import torch
        from PIL import Image
        from torchvision.transforms import functional, transforms

        image, mask = Image.open(self.files[i][0]).convert("RGB"), Image.open(self.files[i][1])
        size = random.randint(SIZE // 2, SIZE * 2) if self.train else SIZE
        image = functional.resize(image, size)
        mask = functional.resize(mask, size, interpolation=transforms.InterpolationMode.NEAREST)
        if self.train and random.random() < 0.5:
            image, mask = functional.hflip(image), functional.hflip(mask)
        if self.train:
            right, below = max(0, CROP - image.size[0]), max(0, CROP - image.size[1])
            image = functional.pad(image, (0, 0, right, below), fill=0)
            mask = functional.pad(mask, (0, 0, right, below), fill=255)
            box = transforms.RandomCrop.get_params(image, (CROP, CROP))
            image, mask = functional.crop(image, *box), functional.crop(mask, *box)
        image = functional.convert_image_dtype(functional.pil_to_tensor(image), torch.float)
        return functional.normalize(image, MEAN, DEVIATION), functional.pil_to_tensor(mask)[0].long()


def peer_input(folder):
    import torch

    torch.set_num_threads(1)
    data = Folder(folder, "train")
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, num_workers=WORKERS, shuffle=True,
                                         persistent_workers=True, drop_last=True)
    for _ in range(2):  # the first round starts the workers
        begin = time.perf_counter()
        images = sum(len(masks) for _, masks in loader)
    print(json.dumps(images / (time.perf_counter() - begin)))


def peer_bits(folder, file):
    """Whether a file has the images and masks of the evaluation preset, bit by bit."""
    import numpy

    with open(file, "rb") as ours:
        for image, mask in (lambda data: (data[i] for i in range(len(data))))(Folder(folder, "val")):
            values, labels = image.numpy(), (mask.numpy() > 0).astype(numpy.uint8)
            if ours.read(values.nbytes) != values.tobytes() or ours.read(labels.nbytes) != labels.tobytes():
                return print(json.dumps(False))
        print(json.dumps(ours.read(1) == b""))


PEERS = {"latency": peer_latency, "onnx": peer_onnx, "train": peer_train, "input": peer_input, "bits": peer_bits}


def peer(name, *arguments, threads=1):
    out = run([*PYTHON, os.path.abspath(__file__), "--peer", name, *map(str, arguments)], OMP_NUM_THREADS=str(threads))
    return json.loads(out) if out else None


def bench(o, *arguments):
    return json.loads(run([o.mlrun, "bench", *map(str, arguments), "--seconds", str(o.seconds), "--json"]))["result"][0]


def told(what, against, found, mark):
    taken = ratios.spread(found)
    met = ratios.note(what, against, taken, mark)
    print(f"  {what}: {taken[0]:.2f} of {against} ({taken[1]:.2f} to {taken[2]:.2f}), mark {mark:.2f}: "
          f"{'met' if met else 'not met'}", flush=True)
    return met


def onnxruntime_time(name, o, work):
    file = os.path.join(work, name + ".onnx")
    if not os.path.exists(file):
        peer("onnx", name, file)
    command = ["node", HERE + "/latency_onnxruntime.js", file, "1", str(o.threads), str(o.seconds), str(SIZE)]
    return statistics.median(json.loads(run(command, NODE_PATH=o.node_modules))["onnxruntime"])


def latency(o, work):
    met = True
    for name in MODELS:
        rounds = {"torchvision eager": [], "onnxruntime": []}
        for _ in range(o.rounds):
            ours = bench(o, "--model", name, "--engine", "graph", "--threads", o.threads, "--size", SIZE)["p50"]
            rounds["torchvision eager"].append(ours / peer("latency", name, o.threads, o.seconds, threads=o.threads))
            if o.node_modules:
                rounds["onnxruntime"].append(ours / onnxruntime_time(name, o, work))
        for against, found in rounds.items():
            if found:
                met = told(f"latency, {name}, {SIZE} px, batch 1", against, found, MARKS[against]) and met
    return met


def train(o, _):
    name, found = MODELS[0], {"contiguous": [], "best": []}
    for _ in range(o.rounds):
        ours = bench(o, "--mode", "train", "--model", name, f"model.num_classes={CLASSES}", "--batch", BATCH, "--size", CROP,
                     "--threads", o.threads)["p50"]
        theirs = peer("train", name, o.threads, o.seconds, threads=o.threads)
        found["contiguous"].append(ours / theirs["contiguous"])
        found["best"].append(ours / min(theirs.values()))
    what = f"training step, {name}, {CROP} px, batch {BATCH}"
    told(what, "Python, best memory format", found["best"], 1.0)
    return told(what, "Python, defaults", found["contiguous"], MARKS["train"])


def inputs(o, work):
    if not o.data:
        sys.exit("segmentation.py: the input part wants --data DIR and --masks PROGRAM")
    recipe, file = os.path.join(work, "recipe.yaml"), os.path.join(work, "val.bin")
    pathlib.Path(recipe).write_text(RECIPE.format(root=json.dumps(os.path.abspath(o.data))))
    run([o.masks, recipe, file])
    equal = peer("bits", o.data, file)
    print(f"  evaluation's images and masks are {'the same bits' if equal else 'DIFFERENT'}")
    found = []
    for _ in range(o.rounds):
        ours = bench(o, "--mode", "load", recipe, "--workers", WORKERS)["images_per_s"]
        found.append(peer("input", o.data) / ours)
    return told("input pipeline, training preset, 2 workers", "DataLoader + Pillow", found, MARKS["input"]) and equal


PARTS = {"latency": latency, "train": train, "input": inputs}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("mlrun")
    parser.add_argument("--parts", default="latency,train")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--node-modules")
    parser.add_argument("--data")
    parser.add_argument("--masks")
    o = parser.parse_args()
    met = True
    with tempfile.TemporaryDirectory() as work:
        for part in o.parts.split(","):
            print(part, flush=True)
            met = PARTS[part](o, work) and met
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        PEERS[sys.argv[2]](*sys.argv[3:])
    else:
        sys.exit(main())
