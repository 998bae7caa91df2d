"""The features of a folder of photographs, in one process or in one a core."""

import argparse
import json
import multiprocessing
import os
import time

import numpy as np

import pipeline


def extract(network, paths, arguments):
    rows = []
    for first in range(0, len(paths), arguments.batch):
        chunk = paths[first : first + arguments.batch]
        batch = [pipeline.preprocess(path, arguments.resize, arguments.size) for path in chunk]
        rows.append(pipeline.features(network, batch))
    return np.concatenate(rows)


def start_worker(arguments):
    global worker_network, worker_arguments
    worker_network, worker_arguments = pipeline.session(arguments.model, 1), arguments


def work(paths):
    return extract(worker_network, paths, worker_arguments)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--model", required=True)
    parser.add_argument("--resize", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    paths = [path for folder in arguments.folders for path in pipeline.photographs(folder)]
    if arguments.processes == 1:
        network = pipeline.session(arguments.model, 0)
        start = time.perf_counter()
        values = extract(network, paths, arguments)
        seconds = time.perf_counter() - start
    else:
        chunks = [paths[first : first + 8] for first in range(0, len(paths), 8)]
        context = multiprocessing.get_context("spawn")
        start = time.perf_counter()
        with context.Pool(arguments.processes, start_worker, (arguments,)) as pool:
            values = np.concatenate(pool.map(work, chunks, chunksize=1))
        seconds = time.perf_counter() - start
    np.save(arguments.out, values)
    print(json.dumps({"images": len(paths), "seconds": seconds, "images_per_second": len(paths) / seconds}))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
