#!/usr/bin/env python3
"""What activation checkpointing saves: memory and time of ViT-B/16's training step, with and without it, in turns.

    checkpointing.py MLRUN [--model vit_b_16] [--batch 8] [--rounds 2] [--seconds 5]

`mlrun bench --mode train` on images of 224 px, two threads; the peak is the process's resident memory while it trains.
Exit code 0 when checkpointing takes at most half the memory, 3 when not.
"""
import argparse
import json
import subprocess
import sys

import ratios


def measured(o, checkpointing):
    """Peak memory in MB, median time of a step in ms."""
    command = [o.mlrun, "bench", "--mode", "train", "--model", o.model, "--batch", str(o.batch), "--threads", "2",
               "--seconds", str(o.seconds), "--json", f"train.activation_checkpointing={str(checkpointing).lower()}"]
    row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["result"][0]
    return row["rss_mb"], row["p50"]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].strip())
    parser.add_argument("mlrun")
    parser.add_argument("--model", default="vit_b_16")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    o = parser.parse_args()
    rounds = [(measured(o, False), measured(o, True)) for _ in range(o.rounds)]
    met = True
    for i, (what, unit, mark) in enumerate((("memory", "MB", 0.5), ("time", "ms", None))):
        found = ratios.spread([with_[i] / without[i] for without, with_ in rounds])
        row = f"{what} of a training step with checkpointing, {o.model}, batch {o.batch}"
        met = ratios.note(row, "mlrun without it", found, mark) and met
        print(f"{what} without {rounds[0][0][i]:.0f} {unit}, with {rounds[0][1][i]:.0f} {unit} (first round): "
              f"{found[0]:.2f} of it ({found[1]:.2f} to {found[2]:.2f})", flush=True)
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main())
