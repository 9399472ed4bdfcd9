"""Service quotas of the emulated account: their values, who checks them, and the API that tells them."""
