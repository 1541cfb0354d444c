"""An ONNX graph under construction, and the file it becomes."""
import os

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from .errors import ExportError

OPSET = 17
CONTRIB = "com.microsoft"
OWN = "imageservice"               # src/ImageService.Kernels
LIMIT = 2_000_000_000              # bytes that protobuf takes in one file, with room for the nodes
ALIGNMENT = 4096                   # of weights in a file of their own: ONNX Runtime maps them into memory

TYPES = {torch.float32: TensorProto.FLOAT, torch.float16: TensorProto.FLOAT16, torch.int64: TensorProto.INT64, torch.bool: TensorProto.BOOL}


class Graph:
    """Nodes in the order in which they run. Weights stay on the model's device until the file is written, one at a time."""

    def __init__(self, name):
        self.name = name
        self.nodes, self.inputs, self.outputs = [], [], []
        self.weights = {}              # name -> (function giving the tensor, dtype, shape)
        self.made_by = {}              # value -> node
        self._counts = {}

    def input(self, name, dtype, shape):
        """A name in `shape` is an axis that is free."""
        self.inputs.append(helper.make_tensor_value_info(name, TYPES[dtype], shape))
        return name

    def output(self, name, value, dtype, shape):
        """`value` is called `name` from here on."""
        for node in self.nodes:
            for names in (node.input, node.output):
                for i, old in enumerate(names):
                    if old == value:
                        names[i] = name
        self.outputs.append(helper.make_tensor_value_info(name, TYPES[dtype], shape))

    def weight(self, name, make, dtype, shape):
        """`make` gives the tensor of this type and shape when the file is written."""
        if name not in self.weights:
            self.weights[name] = (make, dtype, tuple(shape))
        elif self.weights[name][1:] != (dtype, tuple(shape)):
            raise ExportError(f"{name} is needed as {dtype} {tuple(shape)} and as {self.weights[name][1]} {self.weights[name][2]}.")
        return name

    def constant(self, name, tensor):
        return self.weight(name, lambda: tensor, tensor.dtype, tensor.shape)

    def ints(self, *values):
        return self.constant("ints." + ".".join(map(str, values)), torch.tensor(values, dtype=torch.int64))

    def node(self, op, *inputs, outputs=1, to_type=None, contrib=False, own=False, **attributes):
        """-> the output's name, or a list of them where `outputs` is more than one."""
        if to_type is not None:
            attributes["to"] = TYPES[to_type]              # of Cast
        n = self._counts[op] = self._counts.get(op, 0) + 1
        names = [f"{op}.{n}" if outputs == 1 else f"{op}.{n}.{i}" for i in range(outputs)]
        node = helper.make_node(op, [i or "" for i in inputs], names, name=f"{op}.{n}", domain=OWN if own else CONTRIB if contrib else "", **attributes)
        self.nodes.append(node)
        self.made_by.update({name: node for name in names})
        return names[0] if outputs == 1 else names

    def bytes(self):
        return sum(int(np.prod(shape)) * torch.empty(0, dtype=dtype).element_size() for _, dtype, shape in self.weights.values())

    def save(self, path, external=None):
        """Writes `path`, and `path`.data beside it for the weights where they do not fit into one file (or `external` asks for it)."""
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        data = path + ".data"
        if os.path.exists(data):
            os.remove(data)
        external = self.bytes() > LIMIT if external is None else external
        used = {name for node in self.nodes for name in node.input}
        f = open(data, "wb") if external else None
        try:
            tensors = [self._tensor(name, *self.weights[name], f, os.path.basename(data)) for name in self.weights if name in used]
        finally:
            if f:
                f.close()
        model = self.model(tensors)
        with open(path, "wb") as f:
            f.write(model.SerializeToString())
        return path

    def model(self, tensors=None):
        if tensors is None:
            used = {name for node in self.nodes for name in node.input}
            tensors = [self._tensor(name, *self.weights[name], None, None) for name in self.weights if name in used]
        opsets = [helper.make_opsetid("", OPSET)]
        opsets += [helper.make_opsetid(domain, 1) for domain in (CONTRIB, OWN) if any(node.domain == domain for node in self.nodes)]
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, tensors)
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="imageservice")

    @staticmethod
    def _tensor(name, make, dtype, shape, file, location):
        value = make().detach().to("cpu", dtype).contiguous()
        if tuple(value.shape) != shape:
            raise ExportError(f"{name} has shape {tuple(value.shape)}, not {shape}.")
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ExportError(f"{name} has values that are not finite as {str(dtype).split('.')[-1]}.")
        raw = value.numpy().tobytes()
        proto = TensorProto(name=name, data_type=TYPES[dtype], dims=shape)
        if file is None or len(raw) < 1024:
            proto.raw_data = raw
            return proto
        file.write(b"\0" * (-file.tell() % ALIGNMENT))
        for key, entry in (("location", location), ("offset", file.tell()), ("length", len(raw))):
            proto.external_data.add(key=key, value=str(entry))
        proto.data_location = TensorProto.EXTERNAL
        file.write(raw)
        return proto
