"""Makes the arrays of this folder with NumPy 2: python make.py"""

import numpy as np

images = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
labels = np.array([1, -2], dtype=np.int16)
np.savez("stored.npz", images=images, labels=labels, classes=np.array(["coat", "Größe", "猫"]))
np.savez_compressed("deflated.npz", images=images, labels=labels)
with open("version2.npy", "wb") as f:
    np.lib.format.write_array(f, images, version=(2, 0))
np.save("scalar.npy", np.uint64(7))
np.save("fortran.npy", np.asfortranarray(images))
np.save("bigendian.npy", labels.astype(">i2"))
np.save("float.npy", images.astype(np.float32))
np.save("object.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
np.save("record.npy", np.zeros(2, dtype=[("a", "u1"), ("b", "<i4")]))
np.save("bool.npy", np.zeros(2, dtype=bool))
