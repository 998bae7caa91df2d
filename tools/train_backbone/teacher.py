"""One pass of the teacher over the training pictures; everything the student is taught comes from these files.

`teacher_map.npy`    [N, 7, 7, D] float16: the teacher's last feature map, standardised per channel and rotated onto its
                     D leading principal directions. Averaging it over a crop's window gives the crop's feature.
`teacher_logits.npy` [N, 1001] float16: logits of the whole picture.
`teacher_basis.npz`  mean, std [1280], basis [1280, D], classifier [D, 1001]: moves a change of the feature to the logits.

The pass resumes where it stopped.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image

SIDE = 224
CHUNK = 32
SAMPLES_FOR_BASIS = 4096


def session(path: Path) -> tuple[onnxruntime.InferenceSession, np.ndarray]:
    """The teacher with its last feature map as an extra output, and its classifier weights [C, K]."""
    model = onnx.load(path)
    pool = next(node for node in model.graph.node if node.op_type == "GlobalAveragePool")
    classifier = next(node for node in model.graph.node if node.input and node.input[0] == pool.output[0])
    tensor = next(t for t in model.graph.initializer if t.name == classifier.input[1])
    weights = onnx.numpy_helper.to_array(tensor)
    feature_map = onnx.helper.make_tensor_value_info(pool.input[0], onnx.TensorProto.FLOAT, None)
    model.graph.output.append(feature_map)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    loaded = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return loaded, weights.reshape(weights.shape[0], -1).T.astype(np.float32)


def enlarge(images: np.ndarray) -> np.ndarray:
    """uint8 [N, 64, 64, 3] to float32 [N, 3, 224, 224] in -1..1; the whole picture, so that map and picture align."""
    side = (SIDE, SIDE)
    large = np.stack([np.asarray(Image.fromarray(i).resize(side, Image.Resampling.BICUBIC)) for i in images])
    return (large.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2).copy()


class Teacher:
    def __init__(self, path: Path):
        self.session, self.classifier = session(path)
        self.input = self.session.get_inputs()[0].name

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits [N, K] and feature map [N, 7, 7, C] of uint8 pictures."""
        logits, feature_map = self.session.run(None, {self.input: enlarge(images)})
        return logits, feature_map.transpose(0, 2, 3, 1)


def fit_basis(teacher: Teacher, images: np.ndarray, dim: int, pool: ThreadPoolExecutor) -> dict[str, np.ndarray]:
    rows = np.random.default_rng(0).permutation(len(images))[:SAMPLES_FOR_BASIS]
    chunks = np.array_split(np.sort(rows), max(1, len(rows) // CHUNK))
    features = np.concatenate(list(pool.map(lambda c: teacher(images[c])[1].mean((1, 2)), chunks)))
    mean, std = features.mean(0), features.std(0) + 1e-3
    values, vectors = np.linalg.eigh(np.cov(((features - mean) / std).T))
    print(f"basis of {dim}: {values[-dim:].sum() / values.sum():.3f} of the variance", flush=True)
    basis = vectors[:, ::-1][:, :dim].astype(np.float32)
    classifier = basis.T @ (teacher.classifier * std[:, None])
    return {"mean": mean, "std": std, "basis": basis, "classifier": classifier}


def run(teacher_path: Path, work: Path, dim: int, threads: int) -> None:
    images = np.load(work / "train_images.npy", mmap_mode="r")
    teacher = Teacher(teacher_path)
    basis_path, progress_path = work / "teacher_basis.npz", work / "teacher_progress.txt"
    with ThreadPoolExecutor(threads) as pool:
        done = int(progress_path.read_text()) if progress_path.exists() else 0
        if not basis_path.exists():
            np.savez(basis_path, **fit_basis(teacher, images, dim, pool))
        basis = dict(np.load(basis_path))
        mode = "r+" if done else "w+"
        make = np.lib.format.open_memmap
        maps = make(work / "teacher_map.npy", mode, np.float16, (len(images), 7, 7, basis["basis"].shape[1]))
        logits = make(work / "teacher_logits.npy", mode, np.float16, (len(images), teacher.classifier.shape[1]))

        def one(start: int) -> None:
            rows = slice(start, min(start + CHUNK, len(images)))
            logits[rows], feature_map = teacher(images[rows])
            maps[rows] = ((feature_map - basis["mean"]) / basis["std"]) @ basis["basis"]

        block = CHUNK * 64
        for start in range(done, len(images), block):
            stop = min(start + block, len(images))
            list(pool.map(one, range(start, stop, CHUNK)))
            maps.flush(), logits.flush()
            progress_path.write_text(str(stop))
            print(f"teacher {stop}/{len(images)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True, help="mobilenet_v2_1.0_224.onnx")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--dim", type=int, default=256, help="principal directions kept")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    run(arguments.teacher, arguments.work, arguments.dim, arguments.threads)
