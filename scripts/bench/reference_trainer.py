#!/usr/bin/env python3
"""A training as torchvision's script does it, written from its documented behaviour: what the benchmarks compare with.

    reference_trainer.py FOLDER MODEL SIZE BATCH EPOCHS WORKERS THREADS defaults|best

FOLDER has a folder of images for each class. DataLoader and Pillow decode and augment (random resized crop, flip,
normalize); SGD with momentum. `defaults` is NCHW with gradients set to zero, `best` channels-last with gradients set to
None. Prints `first batch` when the first batch is about to enter forward, and the images per second of each epoch,
counted from its first batch on (the workers have started then).
"""
import sys
import time

import torch
import torchvision
from torchvision import datasets, transforms


def augmented(folder, size):
    normalize = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    steps = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip(), transforms.ToTensor(), normalize]
    return datasets.ImageFolder(folder, transforms.Compose(steps))


def main(folder, name, size, batch_size, epochs, workers, threads, settings):
    torch.set_num_threads(threads)
    best = settings == "best"
    order = torch.channels_last if best else torch.contiguous_format
    data = augmented(folder, size)
    model = getattr(torchvision.models, name)(num_classes=len(data.classes)).to(memory_format=order).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-5)
    criterion = torch.nn.CrossEntropyLoss()
    loader = torch.utils.data.DataLoader(data, batch_size, shuffle=True, num_workers=workers, drop_last=True)
    for epoch in range(epochs):
        batches = iter(loader)
        batch = next(batches, None)
        if epoch == 0:
            print("first batch", flush=True)
        images, begin = 0, time.perf_counter()
        while batch is not None:
            image, target = batch[0].contiguous(memory_format=order), batch[1]
            output = model(image)
            loss = criterion(output, target)
            optimizer.zero_grad(set_to_none=best)
            loss.backward()
            optimizer.step()
            loss.item()
            (output.argmax(1) == target).sum().item()
            images += len(target)
            batch = next(batches, None)
        print(images / (time.perf_counter() - begin), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:8]), sys.argv[8])
