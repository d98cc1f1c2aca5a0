"""Makes folders of images, with a folder for each class, of the packages that make
bench-features has unpacked. Python 3, standard library only:

    python3 images.py PACKAGES SETS

Links and copies are left out, as are classes of stamps with fewer than 30 images.
"""

import hashlib
import json
import pathlib
import shutil
import sys

packages, sets = map(pathlib.Path, sys.argv[1:])
seen = set()


def put(name, group, file, source):
    """Copies an image, unless its set has the same one."""
    digest = name, hashlib.sha256(source.read_bytes()).hexdigest()
    if digest in seen:
        return
    seen.add(digest)
    folder = sets / name / group
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, folder / file)


theme = packages / "usr/share/icons/oxygen/base"
for group in "actions apps devices mimetypes places status".split():
    largest = {}
    for size in (32, 48, 64, 128):
        for file in (theme / f"{size}x{size}" / group).glob("*.png"):
            if not file.is_symlink():
                largest[file.name] = file
    for name, file in sorted(largest.items()):
        put("icons", group, name, file)

for group in sorted((packages / "usr/share/tuxpaint/stamps").iterdir()):
    files = sorted(f for f in group.rglob("*.png") if not f.is_symlink() and not f.name.endswith("_mirror.png"))
    if len(files) < 30 or group.name == "symbols":
        continue
    for file in files:
        put("stamps", group.name, "-".join(file.relative_to(group).parts), file)

emoji = packages / "package"
for entry in json.loads((emoji / "emoji.json").read_text()):
    file = emoji / "img/google/64" / entry["image"]
    if entry["category"] != "Component" and file.exists():
        put("emoji", entry["category"].replace(" & ", "-").replace(" ", "-").lower(), entry["image"], file)
