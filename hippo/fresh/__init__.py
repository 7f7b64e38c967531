"""What was remembered since the newest snapshot: on disk at once, beside the snapshot until it is merged."""
