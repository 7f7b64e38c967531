"""Trials of an index under crashes, failing disks, full disks and flipped bits."""
