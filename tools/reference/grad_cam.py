"""Grad-CAM by PyTorch's autograd through a perceptron on a small network: what `edgetl explain` is held to.

    python tools/reference/grad_cam.py

Needs torch and onnx. Writes tests/fixtures/explain/grad_cam.onnx (the network, with a classifier of its own) and grad_cam.json
(one image, the perceptron's weights, and the maps of its three classes).

Source: Selvaraju et al., "Grad-CAM", 2017, equations 1 and 2.
"""

import json
import pathlib

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "explain"
HEIGHT, WIDTH = 12, 20


def exported(first, second, classifier):
    """The network as ONNX: two convolutions, mean over the places, one linear layer."""
    weights = {"w1": first.weight, "b1": first.bias, "w2": second.weight, "b2": second.bias,
               "w3": classifier.weight, "b3": classifier.bias}
    nodes = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c2"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "w3", "b3"], ["logits"], transB=1),
    ]
    initialisers = [numpy_helper.from_array(value.detach().numpy(), name) for name, value in weights.items()]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, HEIGHT, WIDTH])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4])
    graph = helper.make_graph(nodes, "grad_cam", [image], [logits], initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def main():
    torch.manual_seed(5)
    first, second, classifier = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 5, 3, 2, 1), nn.Linear(5, 4)
    head = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    for layer in (head[0], head[2]):
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    image = torch.randn(1, 3, HEIGHT, WIDTH)
    maps, logits = [], None
    for k in range(3):
        activation = torch.relu(second(torch.relu(first(image)))).detach().requires_grad_()
        logits = head(activation.mean(dim=(2, 3)))
        logits[0, k].backward()
        weights = activation.grad.mean(dim=(2, 3), keepdim=True)
        maps.append(torch.relu((weights * activation).sum(dim=1))[0].tolist())
    FOLDER.mkdir(parents=True, exist_ok=True)
    onnx.save(exported(first, second, classifier), FOLDER / "grad_cam.onnx")
    layer = lambda linear: {"weights": linear.weight.tolist(), "bias": linear.bias.tolist()}
    content = {
        "made_by": f"tools/reference/grad_cam.py, PyTorch {torch.__version__.split('+')[0]}",
        "height": HEIGHT, "width": WIDTH,
        "image": image.flatten().tolist(),
        "hidden": layer(head[0]), "output": layer(head[2]),
        "logits": logits[0].tolist(), "maps": maps,
    }
    (FOLDER / "grad_cam.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
