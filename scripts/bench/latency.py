#!/usr/bin/python3
"""Inference latency of mlrun's engines against torchvision and ONNX Runtime, in turns, on the same sizes.

Usage: latency.py MLRUN [--models NAME,NAME] [--batch 1,32] [--threads 2] [--rounds 3] [--seconds 1]
                  [--engines eager,torchscript,graph] [--node-modules DIR] [--work DIR]

Each round runs every peer once for each model and batch size; a peer's figure is the median over the rounds of its
medians, and a ratio is the median of the rounds' ratios, with the smallest and largest beside it. ONNX Runtime takes part
where --node-modules has onnxruntime-node (`npm i --ignore-scripts onnxruntime-node`), OpenCV's dnn module where Python
has cv2 and it can load the model.
"""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile

import ratios

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
MODELS = "resnet18,resnet50,mobilenet_v2,mobilenet_v3_large,mobilenet_v3_small"
# Of a peer's time at most so much, by batch size: the geometric mean, and every model.
MARKS = {(1, "torchvision eager"): (0.45, 0.7), (1, "onnxruntime"): (1.25, None),
         (32, "torchvision best eager"): (0.6, None)}


def run(command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit("latency.py: " + " ".join(command) + " failed:\n" + done.stderr)
    return done.stdout


def torchvision_times(model, batch, o):
    command = [PYTHON, HERE + "/latency_torchvision.py", model, str(batch), str(o.threads), str(o.seconds)]
    times = json.loads(run(command, OMP_NUM_THREADS=str(o.threads)))
    return {"torchvision " + name: statistics.median(found) for name, found in times.items()}


def onnx_file(model, o):
    file = os.path.join(o.work, model + ".onnx")
    if not os.path.exists(file):
        run([PYTHON, HERE + "/latency_torchvision.py", model, "1", "1", "0", "--onnx", file])
    return file


def onnxruntime_times(model, batch, o):
    if not o.node_modules:
        return {}
    command = ["node", HERE + "/latency_onnxruntime.js", onnx_file(model, o), str(batch), str(o.threads), str(o.seconds)]
    return {"onnxruntime": statistics.median(json.loads(run(command, NODE_PATH=o.node_modules))["onnxruntime"])}


def opencv_times(model, batch, o):
    """Of mlrun's export: OpenCV 4.6 reads none of the files that PyTorch writes of these models."""
    if not importlib.util.find_spec("cv2"):
        return {}
    folder = os.path.join(o.work, f"{model}-{batch}")
    file = os.path.join(folder, "model.onnx")
    if not os.path.exists(file):
        os.makedirs(folder, exist_ok=True)
        run([o.mlrun, "export", "--model", model, "-o", file, "--batch", str(batch), "--quiet"])
    command = [PYTHON, HERE + "/latency_opencv.py", file, str(batch), str(o.threads), str(o.seconds)]
    found = json.loads(run(command))
    return {name: statistics.median(times) for name, times in found.items() if times}


def mlrun_times(model, batch, o):
    command = [o.mlrun, "bench", "--model", model, "--batch", str(batch), "--threads", str(o.threads), "--engine",
               o.engines, "--seconds", str(o.seconds), "--json"]
    rows = json.loads(run(command))["result"]
    return {"mlrun " + row["engine"]: row["p50"] for row in rows}


def measure(model, batch, o):
    """The rounds' times of each peer."""
    rounds = []
    for _ in range(o.rounds):
        times = {}
        for peer in (torchvision_times, onnxruntime_times, opencv_times, mlrun_times):
            times.update(peer(model, batch, o))
        times["torchvision best eager"] = min(times["torchvision eager"], times["torchvision channels_last"])
        rounds.append(times)
    return rounds


def spread(rounds, ours, theirs):
    return ratios.spread([times[ours] / times[theirs] for times in rounds])


def show(model, batch, rounds, ours, o):
    """Prints a model's times; the ratios to each peer."""
    print(f"\n{model}, batch {batch}, {o.threads} thread(s)")
    found = {}
    for peer in rounds[0]:
        middle, low, high = found[peer] = spread(rounds, ours, peer)
        time = statistics.median(times[peer] for times in rounds)
        print(f"  {peer:26} {time:9.2f} ms   {ours} takes {middle:.2f} of it ({low:.2f} to {high:.2f})", flush=True)
        if not peer.startswith("mlrun"):
            mark = MARKS.get((batch, peer), (None, None))[1]
            ratios.note(f"latency of {model}, batch {batch}", peer, found[peer], mark)
    return found


def summarize(batch, found, ours):
    """Prints the means over the models; whether the marks are met."""
    print(f"\nbatch {batch}: {ours} against, geometric mean and largest of the models' ratios")
    met = True
    for peer in sorted(set.union(*map(set, found))):
        of_peer = [one[peer][0] for one in found if peer in one]
        mean = ratios.geometric_mean(of_peer)
        some = f", of {len(of_peer)} models" if len(of_peer) < len(found) else ""
        print(f"  {peer:26} {mean:.2f}, {max(of_peer):.2f}{some}")
        mean_mark, model_mark = MARKS.get((batch, peer), (None, None))
        if not peer.startswith("mlrun"):
            row = (mean, min(of_peer), max(of_peer))
            met = ratios.note(f"latency, batch {batch}, geometric mean of {len(of_peer)}", peer, row, mean_mark) and met
        met = met and (model_mark is None or max(of_peer) <= model_mark)
    return met


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("Usage: ")[1].split("\n\n")[0])
    parser.add_argument("mlrun")
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--batch", default="1,32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--engines", default="eager,torchscript,graph")
    parser.add_argument("--node-modules")
    parser.add_argument("--work", default=tempfile.gettempdir())
    o = parser.parse_args()
    ours = "mlrun " + o.engines.split(",")[-1]
    met = True
    for batch in [int(word) for word in o.batch.split(",")]:
        found = [show(model, batch, measure(model, batch, o), ours, o) for model in o.models.split(",")]
        met = summarize(batch, found, ours) and met
    print("met" if met else "not met")
    return 0 if met else 3


sys.exit(main())
