"""Facts that don't ask anyone: prices, model lifecycles, instances, quotas, each with its source and date."""
