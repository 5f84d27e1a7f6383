#!/usr/bin/python3
"""Loads the .pth of every model of the zoo into torchvision's model: its state dict, and the versions of its modules.

    /usr/bin/python3 scripts/parity/state_dicts.py [MLRUN] [MODEL...]

MLRUN is the executable (default: build/release/mlrun). Each model is written by `mlrun export --model NAME`, read by
torch.load(weights_only=True) and given to load_state_dict; every module that keeps tensors must have torchvision's
version. One line for each; exit code 3 where one differs. All take some minutes and up to 6 GB.
"""
import pathlib
import subprocess
import sys
import tempfile
import warnings

import torch
import torchvision
from torch import nn

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "fixtures"))

import cifar_models  # noqa: E402


def empty_model(name):
    if name in cifar_models.MODELS:
        return cifar_models.MODELS[name](10, 3)
    return torchvision.models.get_model(name, weights=None)


def check(mlrun, name, folder):
    file = folder / f"{name}.pth"
    classes = ["model.num_classes=10"] if name in cifar_models.MODELS else []
    command = [mlrun, "export", "--model", name, *classes, "-o", file, "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    state = torch.load(file, weights_only=True)
    file.unlink()
    model = empty_model(name)
    expected = model.state_dict()
    keeping = {""} | {key[:end] for key in expected for end in range(len(key)) if key[end] == "."}
    wanted = [(path, entry) for path, entry in expected._metadata.items() if path in keeping]
    if list(state._metadata.items()) != wanted:
        return "other versions of modules"
    model.load_state_dict(state)
    same = all(torch.equal(tensor, state[key]) for key, tensor in model.state_dict().items())
    return "" if same else "other tensors"


def main(words):
    warnings.simplefilter("ignore")
    nn.init.trunc_normal_ = lambda tensor, *args, **options: tensor  # what is drawn is overwritten
    mlrun = words[0] if words else str(HERE.parents[2] / "build/release/mlrun")
    names = words[1:] or torchvision.models.list_models(module=torchvision.models) + list(cifar_models.MODELS)
    met = True
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            try:
                problem = check(mlrun, name, pathlib.Path(folder))
            except (RuntimeError, ValueError, KeyError, OSError, subprocess.SubprocessError) as error:
                problem = str(error).splitlines()[0]
            print(f"{name}: {problem or 'loads'}", flush=True)
            met = met and not problem
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
