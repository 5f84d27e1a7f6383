#!/usr/bin/env python3
"""Times an ONNX file with OpenCV's dnn module; prints {"opencv dnn": [ms...]}, with null where it cannot load the file.

Usage: latency_opencv.py FILE BATCH THREADS SECONDS
"""
import json
import sys
import time

import cv2
import numpy


def main():
    file, batch, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    cv2.setNumThreads(threads)
    images = numpy.random.randn(batch, 3, 224, 224).astype(numpy.float32)
    try:
        net = cv2.dnn.readNetFromONNX(file)
        net.setInput(images)
        net.forward()
    except cv2.error:
        print(json.dumps({"opencv dnn": None}))
        return
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds / 3:
        net.forward()
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        net.setInput(images)
        before = time.perf_counter()
        net.forward()
        times.append(1000 * (time.perf_counter() - before))
    print(json.dumps({"opencv dnn": times}))


main()
