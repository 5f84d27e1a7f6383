#!/usr/bin/python3
"""COCO's evaluation of boxes against pycocotools, both on one thread, in turns, from the same files.

    coco_eval.py PROGRAM [--images 5000] [--detections 100] [--rounds 3]

PROGRAM is the target `coco_eval` (MLRUN_BENCH=ON). The files are made for it: 7 objects an image on average in 80 classes,
a part of them crowds, and detections near them and elsewhere. A time is the processor's, from the files to the figures; a
ratio is the median of the rounds'. Exit code 3 where mlrun takes more than a twentieth of the time or more than a fifth of
the memory, or where a figure differs by more than 1e-12.
"""
import argparse
import contextlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

MARKS = {"time": 1 / 20, "memory": 1 / 5}
NAMES = ["ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100", "ar_small", "ar_medium",
         "ar_large"]
WIDTH, HEIGHT, CLASSES = 640, 480, 80


def make(folder, images, detections):
    import numpy
    random = numpy.random.default_rng(0)
    truths, results = [], []

    def boxes(count):
        sides = numpy.exp(random.uniform(2, 6, (count, 2))).clip(4, [WIDTH, HEIGHT])
        return numpy.concatenate([random.uniform(0, 1, (count, 2)) * ([WIDTH, HEIGHT] - sides), sides], axis=1)

    for image in range(1, images + 1):
        there = boxes(int(random.poisson(7)))
        classes = random.integers(1, CLASSES + 1, len(there))
        for box, label in zip(there, classes):
            truths.append({"id": len(truths) + 1, "image_id": image, "category_id": int(label),
                           "bbox": box.round(2).tolist(), "area": float((box[2] * box[3] * random.uniform(0.5, 1)).round(2)),
                           "iscrowd": int(random.random() < 0.02)})
        found, labels = boxes(detections), random.integers(1, CLASSES + 1, detections)
        if len(there):
            near = random.random(detections) < 0.5
            source = random.integers(0, len(there), detections)
            found[near] = (there[source] + random.normal(0, 0.1, (detections, 4)) * there[source][:, [2, 3, 2, 3]])[near]
            labels[near] = classes[source][near]
        found[:, 2:] = found[:, 2:].clip(1)
        for box, label, score in zip(found.round(2).tolist(), labels, random.random(detections).round(4)):
            results.append({"image_id": image, "category_id": int(label), "bbox": box, "score": float(score)})
    full = {"images": [{"id": i, "width": WIDTH, "height": HEIGHT} for i in range(1, images + 1)], "annotations": truths,
            "categories": [{"id": i, "name": str(i)} for i in range(1, CLASSES + 1)]}
    for name, content in (("truths.json", full), ("results.json", results)):
        with open(os.path.join(folder, name), "w") as file:
            json.dump(content, file)


def peer(truths, results):
    """Runs in a process of its own."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    marks = []
    with contextlib.redirect_stdout(io.StringIO()):
        there = COCO(truths)
        evaluation = COCOeval(there, there.loadRes(results), "bbox")
        marks.append(time.process_time())
        evaluation.evaluate()
        marks.append(time.process_time())
        evaluation.accumulate()
        evaluation.summarize()
        marks.append(time.process_time())
    print(json.dumps({"load": marks[0], "evaluate": marks[1] - marks[0], "accumulate": marks[2] - marks[1],
                      "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                      "figures": dict(zip(NAMES, map(float, evaluation.stats)))}))


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode != 0:
        sys.exit("coco_eval.py: " + " ".join(command) + " failed:\n" + done.stderr)
    return json.loads(done.stdout)


def seconds(measured):
    return measured["load"] + measured["evaluate"] + measured["accumulate"]


def show(name, measured):
    print("%-12s %7.2f s (reading %.2f, matching %.2f, curves %.2f), %6.0f MB" % (
        name, seconds(measured), measured["load"], measured["evaluate"], measured["accumulate"], measured["mb"]))


def main():
    if sys.argv[1:2] == ["--peer"]:
        return peer(*sys.argv[2:])
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--detections", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ratios = {"time": [], "memory": []}
    with tempfile.TemporaryDirectory() as folder:
        make(folder, options.images, options.detections)
        files = [os.path.join(folder, name) for name in ("truths.json", "results.json")]
        for _ in range(options.rounds):
            theirs = run([sys.executable, os.path.abspath(__file__), "--peer", *files])
            ours = run([options.program, *files])
            show("pycocotools", theirs)
            show("mlrun", ours)
            ratios["time"].append(seconds(ours) / seconds(theirs))
            ratios["memory"].append(ours["mb"] / theirs["mb"])
    farthest = max(abs(ours["figures"][name] - theirs["figures"][name]) for name in NAMES)
    print("figures differ by at most %.1e (AP %.4f)" % (farthest, ours["figures"]["ap"]))
    met = farthest <= 1e-12
    for name, values in ratios.items():
        ratio = statistics.median(values)
        met = met and ratio <= MARKS[name]
        print("%s: %.3f of pycocotools' (1 : %.0f), mark %.2f, one thread each" % (name, ratio, 1 / ratio, MARKS[name]))
    print("met" if met else "missed")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main())
