"""Training data for managed fine-tuning: check it, fix it, convert it to each vendor's format. Pure and offline.

`check()` streams a file and reports; `fix()` writes a cleaned copy; `convert_file()` writes what a vendor wants. All
read one neutral format (JSONL of chats, prompt and completion, or preference pairs) and share `VendorRules`.
"""

from __future__ import annotations
