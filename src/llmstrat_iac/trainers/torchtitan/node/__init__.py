"""What torchtitan runs with on the nodes, where this folder is `llmstrat_titan` beside the launcher's package."""
