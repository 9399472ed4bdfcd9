"""Cloud Control in the emulator: the types of `types.py` really made, over time; all others stay upstream's."""
