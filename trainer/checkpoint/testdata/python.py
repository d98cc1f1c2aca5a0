# Writes python.safetensors beside it. Made with safetensors 0.8.0 and numpy 2.4.6:
#   pip install safetensors numpy && python python.py
import pathlib

import numpy as np
from safetensors.numpy import save_file

save_file(
    {
        "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 2,
        "b.count": np.array([7, -8], dtype=np.int64),
        "c.mask": np.array([0, 1, 255], dtype=np.uint8),
    },
    pathlib.Path(__file__).with_suffix(".safetensors"),
    metadata={"who": "safetensors"},
)
