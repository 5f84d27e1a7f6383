"""What the benchmarks of images share: JPEGs of one size in class folders, made of photographs of any size."""
import random

from PIL import Image


def make_images(photos, folder, count, quality=90):
    """Random parts of 4:3, resized to 640x480, half of them in each of two classes; their mean size in bytes."""
    draw = random.Random(0)
    for name in ("a", "b"):
        (folder / name).mkdir()
    sources = [Image.open(path).convert("RGB") for path in sorted(photos.rglob("*.jpg"))]
    sources = [image for image in sources if image.width >= 400 and image.height >= 300]
    for i in range(count):
        image = sources[i % len(sources)]
        width = int(min(image.width, image.height * 4 / 3) * draw.uniform(0.8, 1))
        left, top = draw.randint(0, image.width - width), draw.randint(0, image.height - width * 3 // 4)
        part = image.crop((left, top, left + width, top + width * 3 // 4)).resize((640, 480), Image.BICUBIC)
        part.save(folder / "ab"[i % 2] / f"{i:04}.jpg", quality=quality)
    return sum(path.stat().st_size for path in folder.rglob("*.jpg")) / count
