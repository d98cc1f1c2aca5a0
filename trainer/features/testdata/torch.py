"""Writes state.pth, a state dictionary as torch.save of PyTorch 1.5 wrote it (without its zip
container): a weight [2,3] that lies transposed in memory after two other numbers, a bias [2],
and a counter. Python 3, no PyTorch:

    python3 trainer/features/testdata/torch.py
"""

import collections
import io
import pathlib
import pickle
import struct
import sys
import types

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
storages = {n: type(n, (), {"__module__": "torch"}) for n in ("FloatStorage", "LongStorage")}
vars(torch).update(storages, _utils=utils)


def rebuild(*_):
    pass


rebuild.__name__ = rebuild.__qualname__ = "_rebuild_tensor_v2"
rebuild.__module__ = "torch._utils"
utils._rebuild_tensor_v2 = rebuild
sys.modules.update({"torch": torch, "torch._utils": utils})


class Storage:
    def __init__(self, kind, key, count):
        self.identity = ("storage", storages[kind], key, "cpu", count, None)


class Tensor:
    def __init__(self, storage, offset, size, stride):
        self.parts = (storage, offset, size, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return rebuild, self.parts


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.identity if isinstance(value, Storage) else None


floats, bias, counter = Storage("FloatStorage", "0", 8), Storage("FloatStorage", "1", 2), Storage("LongStorage", "2", 1)
state = collections.OrderedDict(
    weight=Tensor(floats, 2, (2, 3), (1, 2)),
    bias=Tensor(bias, 0, (2,), (1,)),
    counter=Tensor(counter, 0, (), ()),
)
out = io.BytesIO()
for head in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}):
    pickle.dump(head, out, 2)
Pickler(out, 2).dump(state)
pickle.dump(["0", "1", "2"], out, 2)
out.write(struct.pack("<q8f", 8, -9, -9, 1, 4, 2, 5, 3, 6))
out.write(struct.pack("<q2f", 2, 0.5, -0.5))
out.write(struct.pack("<qq", 1, 7))
pathlib.Path(__file__).with_name("state.pth").write_bytes(out.getvalue())
