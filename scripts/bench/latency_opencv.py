#!/usr/bin/env python3
"""Times an ONNX file with OpenCV's dnn module; prints {"opencv dnn": [ms...]}, with null where it cannot load the file.

Usage: latency_opencv.py FILE BATCH THREADS SECONDS
"""
import json
import sys

import cv2
import numpy

from ratios import timed


def main():
    file, batch, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    cv2.setNumThreads(threads)
    images = numpy.random.randn(batch, 3, 224, 224).astype(numpy.float32)

    def forward():
        net.setInput(images)
        net.forward()

    try:
        net = cv2.dnn.readNetFromONNX(file)
        forward()
    except cv2.error:
        print(json.dumps({"opencv dnn": None}))
        return
    print(json.dumps({"opencv dnn": timed(forward, seconds)}))


main()
