#!/usr/bin/env python3
"""One optimizer step on MobileNetV3-Large's parameters: torch.optim (default and foreach) against mlrun, in turns.

    optimizer_step.py build/release/scripts/bench/optimizer_step [THREADS] [ROUNDS]

Exit code 0 when every method takes at most half the time of torch.optim's faster form, 3 when one does not. Needs
Python's torch and torchvision.
"""
import statistics
import subprocess
import sys
import time

import torch
import torchvision

METHODS = {
    "sgd": lambda p, **k: torch.optim.SGD(p, 1e-3, momentum=0.9, weight_decay=1e-5, **k),
    "adamw": lambda p, **k: torch.optim.AdamW(p, 1e-3, weight_decay=1e-5, **k),
    "rmsprop": lambda p, **k: torch.optim.RMSprop(p, 1e-3, momentum=0.9, weight_decay=1e-5, **k),
}
STEPS = 20  # in a round


def python_step(optimizer):
    times = []
    for _ in range(STEPS):
        begin = time.perf_counter()
        optimizer.step()
        times.append((time.perf_counter() - begin) * 1e6)
    return statistics.median(times)


def main(program, threads=1, rounds=5):
    torch.set_num_threads(threads)
    model = torchvision.models.mobilenet_v3_large()
    for p in model.parameters():
        p.grad = torch.randn_like(p) * 0.01
    times = {}
    for name, make in METHODS.items():
        forms = {foreach: make(model.parameters(), foreach=foreach) for foreach in (False, True)}
        for optimizer in forms.values():
            optimizer.step()
        for _ in range(rounds):
            for foreach, optimizer in forms.items():
                times.setdefault((name, foreach), []).append(python_step(optimizer))
            out = subprocess.run([program, str(threads), str(STEPS), name], check=True, capture_output=True, text=True)
            times.setdefault((name, "mlrun"), []).append(float(out.stdout.split()[1]))
    met = True
    for name in METHODS:
        plain, foreach, ours = (statistics.median(times[name, form]) for form in (False, True, "mlrun"))
        ratio = min(plain, foreach) / ours
        print(f"{name:8} torch.optim {plain:8.0f} us, foreach {foreach:8.0f} us, mlrun {ours:8.0f} us, "
              f"{ratio:.1f} times as fast as the faster")
        met = met and ratio >= 2
    print("met" if met else "not met")
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:4])))
