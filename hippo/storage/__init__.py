"""Folders that workers share: on local disk, on a network file system, in an object store.

`open_folder("/mnt/shared/run")` and `open_folder("s3://bucket/run")` give the same few operations. Whatever is written
is there whole or not at all. Remote addresses go through fsspec, so everything works that it has a driver for.
"""

from hippo.storage.folder import Folder, address_of, is_remote, open_folder, placed
from hippo.storage.local import LocalFolder

__all__ = ["Folder", "LocalFolder", "address_of", "is_remote", "open_folder", "placed"]
