"""From a cold start to one prediction: NumPy, Pillow and onnxruntime, no scikit-learn."""

import json
import sys

import numpy as np

import pipeline

model, head, resize, size, path = sys.argv[1:]
network = pipeline.session(model, 0)
head = np.load(head)
feature = pipeline.features(network, [pipeline.preprocess(path, int(resize), int(size))])
logits = (feature @ head["weights"].T + head["intercept"])[0]
scores = np.exp(logits - logits.max())
best = int(logits.argmax())
print(json.dumps({"path": path, "label": str(head["names"][best]), "score": float(scores[best] / scores.sum())}))
