#!/usr/bin/env python3
"""Turns the TF.js graph of MobileNetV3-CenterNet into an ONNX file with a free height and width.

    convert-centernet.py centernet.json OUT.onnx       (centernet.bin lies beside the json)
    convert-centernet.py --check OUT.onnx              (needs onnxruntime)

One TF.js node becomes one ONNX node, with three exceptions: hard-swish and hard-sigmoid are written out
in TF.js as three and four nodes and become one, and a constant factor after a convolution moves into its
weights. Activations are NCHW here and NHWC there. TensorFlow's `SAME` pads a stride-2 layer by one more
at the bottom and right; which sides get what depends only on the size being even, so with heights and
widths in multiples of 32 the pads are constants and one file serves every shape.

The bytes depend on the input alone: the manifest pins their sha256.
"""
import base64
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Output names of the two files. The TF.js file has a third, `detections`: peaks and boxes for one fixed
# size. The agent decodes by itself, so that part is left behind.
INPUT, OUTPUTS = "tower_0/images", {"tower_0/keypoints": "scores", "tower_0/wh": "wh"}
STRIDE, CELL, CLASSES = 32, 4, 80


def read_graph(path):
    model = json.loads(path.read_text())
    data, offset, weights = path.with_suffix(".bin").read_bytes(), 0, {}
    for spec in (w for group in model["weightsManifest"] for w in group["weights"]):
        stored = np.dtype(spec.get("quantization", spec)["dtype"])  # float16 on disk, exact as float32
        count = int(np.prod(spec["shape"], dtype=np.int64))
        value = np.frombuffer(data, stored, count, offset).reshape(spec["shape"])
        weights[spec["name"]], offset = value.astype(spec["dtype"]), offset + count * stored.itemsize
    if offset != len(data):
        sys.exit(f"{path}: describes {offset} bytes of weights, the .bin file has {len(data)}")
    return {n["name"]: n for n in model["modelTopology"]["node"]}, weights


class Converter:
    def __init__(self, nodes, weights):
        self.nodes, self.weights = nodes, weights
        self.out, self.initializers, self.names = [], [], {INPUT: "images"}

    def constant(self, name):
        """The value of a node that is a single number, else None."""
        value = self.weights.get(name)
        return float(value.item()) if value is not None and value.size == 1 else None

    def variable_and_constant(self, node):
        """The inputs of a commutative node, as (name, number); None if neither is a number."""
        for a, b in (node["input"], node["input"][::-1]):
            if (number := self.constant(b)) is not None:
                return a, number
        return None

    def hard_sigmoid(self, a, b):
        """The x for which a·b = relu6(x + 3)/6, where a is 1/6 (in float16) and b a Relu6, else None."""
        sixth, relu = self.constant(a), self.nodes[b]
        if sixth is None or abs(sixth - 1 / 6) > 1e-4 or relu["op"] != "Relu6":
            return None
        x, three = self.variable_and_constant(self.nodes[relu["input"][0]])
        return x if three == 3 else None

    def hard_swish(self, a, b):
        """The x for which a·b = x·relu6(x + 3)/6, where a is x/6 and b a Relu6, else None."""
        scaled, relu = self.nodes[a], self.nodes[b]
        if scaled["op"] != "Mul" or relu["op"] != "Relu6" or not (pair := self.variable_and_constant(scaled)):
            return None
        sixth = next(i for i in scaled["input"] if self.constant(i) is not None)
        return pair[0] if self.hard_sigmoid(sixth, b) == pair[0] else None

    def emit(self, op, name, inputs, **attributes):
        self.out.append(helper.make_node(op, inputs, [name], name=f"{op}_{len(self.out)}", **attributes))
        return name

    def tensor(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def value(self, name):
        """The ONNX name of what the TF.js node computes; emits what it needs first."""
        if name not in self.names:
            self.names[name] = self.convert(name, self.nodes[name])
        return self.names[name]

    def convert(self, name, node):
        op, inputs = node["op"], [i for i in node.get("input", [])]
        if "Conv2" in op or "Conv2dNative" in op:
            return self.convolution(name, node, factor=1.0)
        if op == "Identity":
            return self.value(inputs[0])
        if op in ("Relu", "Sigmoid"):
            return self.emit(op, name, [self.value(inputs[0])])
        if op == "Mean":  # over height and width, kept as 1×1
            return self.emit("GlobalAveragePool", name, [self.value(inputs[0])])
        if op == "ConcatV2":  # TF.js axis 3 is the channel
            return self.emit("Concat", name, [self.value(i) for i in inputs[:-1]], axis=1)
        if op == "ResizeBilinear":
            return self.upsample(name, inputs[0])
        if op in ("Add", "AddV2"):
            return self.emit("Add", name, [self.value(i) for i in inputs])
        if op == "Mul":
            return self.product(name, inputs)
        sys.exit(f"{name}: no conversion for {op}")

    def product(self, name, inputs):
        for a, b in (inputs, inputs[::-1]):
            if (x := self.hard_sigmoid(a, b)) is not None:
                return self.emit("HardSigmoid", name, [self.value(x)], alpha=1 / 6, beta=0.5)
            if b in self.nodes and a in self.nodes and (x := self.hard_swish(a, b)) is not None:
                return self.emit("HardSwish", name, [self.value(x)])
            if (factor := self.constant(a)) is not None and "Conv2D" in self.nodes[b]["op"]:
                return self.convolution(b, self.nodes[b], factor)
        return self.emit("Mul", name, [self.value(i) for i in inputs])

    def convolution(self, name, node, factor):
        text = lambda b64: base64.b64decode(b64).decode()
        attr, kernel = node["attr"], self.weights[node["input"][1]] * np.float32(factor)
        height, width, channels, multiplier = kernel.shape
        depthwise = "Depthwise" in node["op"]
        if depthwise:  # HWCM → (C·M)1HW
            kernel = kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
        else:  # HWIO → OIHW
            kernel = kernel.transpose(3, 2, 0, 1)
        stride = int(attr["strides"]["list"]["i"][1])
        same = text(attr["padding"]["s"]) == "SAME"
        pad_h, pad_w = (max(k - stride, 0) if same else 0 for k in (height, width))
        inputs = [self.value(node["input"][0]), self.tensor(f"{name}/weight", kernel)]
        if len(node["input"]) > 2:
            inputs.append(self.tensor(f"{name}/bias", self.weights[node["input"][2]] * np.float32(factor)))
        fused = [text(s) for s in attr.get("fused_ops", {}).get("list", {}).get("s", [])]
        if not set(fused) <= {"BiasAdd", "Relu"} or (factor != 1.0 and "Relu" in fused):
            sys.exit(f"{name}: no conversion for a convolution fused with {fused}")
        linear = f"{name}/linear" if "Relu" in fused else name
        self.emit(
            "Conv", linear, inputs, kernel_shape=[height, width], strides=[stride] * 2,
            pads=[pad_h // 2, pad_w // 2, pad_h - pad_h // 2, pad_w - pad_w // 2],
            group=channels if depthwise else 1,
        )
        return self.emit("Relu", name, [linear]) if "Relu" in fused else linear

    def upsample(self, name, source):
        """To twice the size; the sizes in the TF.js file are those of one fixed shape."""
        if not any(i.name == "twice" for i in self.initializers):
            self.tensor("twice", np.array([1, 1, 2, 2], np.float32))
        return self.emit(
            "Resize", name, [self.value(source), "", "twice"],
            mode="linear", coordinate_transformation_mode="asymmetric",
        )

    def model(self):
        for source, wanted in OUTPUTS.items():
            inner = self.value(source)
            for node in self.out:  # rename, so that no Identity remains
                node.output[:] = [wanted if o == inner else o for o in node.output]
                node.input[:] = [wanted if i == inner else i for i in node.input]
        image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "height", "width"])
        grids = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, "rows", "columns"])
            for n, c in (("scores", CLASSES), ("wh", 4))
        ]
        graph = helper.make_graph(self.out, "centernet-mobilenetv3", [image], grids, self.initializers)
        return helper.make_model(
            graph, producer_name="convert-centernet", ir_version=8,
            opset_imports=[helper.make_opsetid("", 14)],
        )


def check(path):
    """The file is sound and runs at two shapes, with outputs where the manifest says."""
    import onnxruntime

    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for height, width in ((2 * STRIDE, 3 * STRIDE), (5 * STRIDE, 4 * STRIDE)):
        image = np.full((1, 3, height, width), 114, np.float32)
        scores, wh = session.run(["scores", "wh"], {"images": image})
        rows, columns = height // CELL, width // CELL
        if scores.shape != (1, CLASSES, rows, columns) or wh.shape != (1, 4, rows, columns):
            sys.exit(f"{path}: {height}×{width} gives scores {scores.shape} and wh {wh.shape}")
        if not (0 <= scores.min() and scores.max() < 0.3 and np.isfinite(wh).all()):
            sys.exit(f"{path}: a grey picture gives a score of {scores.max()}")


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    if arguments[0] == "--check":
        return check(Path(arguments[1]))
    model = Converter(*read_graph(Path(arguments[0]))).model()
    onnx.checker.check_model(model)
    Path(arguments[1]).write_bytes(model.SerializeToString(deterministic=True))


main(sys.argv[1:])
