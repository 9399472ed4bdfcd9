"""The built-in trainers of clusters, as plugins. `trainer` is something else: what one instance runs for strategy C."""
