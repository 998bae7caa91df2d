"""Cuts an ONNX classifier behind its last global average pooling, so that the peers too run the backbone only."""

import sys

import onnx


def cut(source, target):
    model = onnx.load(source)
    graph = model.graph
    pooled = [node.output[0] for node in graph.node if node.op_type == "GlobalAveragePool"][-1]
    needed, kept = {pooled}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    initializers = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:], graph.output[:], graph.value_info[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(initializers)
    graph.output.append(onnx.helper.make_tensor_value_info(pooled, onnx.TensorProto.FLOAT, None))
    onnx.save(model, target)


if __name__ == "__main__":
    cut(*sys.argv[1:])
