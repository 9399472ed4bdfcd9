# Every target that needs Python sets up the environment first; the second time that takes well under a second.
# `make test` is what CI runs, `make check` is its part that reads the code without running it.

BIN := .venv/bin
CHECKED := src tests benchmarks examples plugins stacks tools
PYTEST_ARGS ?= -n 2 --dist loadfile
LLM ?= scripted
export LLM

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-trainer test-vllm test-cluster check fix bench schema docs lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the pinned environment and the Pulumi engine (the other targets do it themselves)
	@tools/setup.sh

demo: setup ## Watch a YAML spec become a working gateway and vanish again (LLM=real: with a real small model)
	@PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh

test: check ## Run everything that CI runs
	@$(BIN)/pytest $(PYTEST_ARGS)

test-trainer: setup ## Train tiny models for real, on the CPU (installs TRL and torch once: 6 GB in your cache folder)
	@python=$$(tools/trainer-env.sh trainer) && LLMSTRAT_TRAINER_PYTHON=$$python $(BIN)/pytest tests/trainer

test-vllm: setup ## Feed the serving arguments to the images' vLLM (installs it once: 9 GB in your cache folder)
	@python=$$(tools/trainer-env.sh vllm) && LLMSTRAT_VLLM_PYTHON=$$python $(BIN)/pytest tests/vllm

test-cluster: setup ## Train on hosts in network namespaces, lose and replace nodes (root; installs torchtitan once: 6 GB)
	@tests/cluster/network.sh
	@python=$$(tools/trainer-env.sh cluster) && LLMSTRAT_CLUSTER_PYTHON=$$python $(BIN)/pytest tests/cluster

check: setup ## Lint, format, types and layers
	@$(BIN)/ruff check $(wildcard $(CHECKED))
	@$(BIN)/ruff format --check $(wildcard $(CHECKED))
	@$(BIN)/mypy
	@MYPYPATH=plugins/llmstrat-iac-mistral/src $(BIN)/mypy -p llmstrat_iac_mistral
	@$(BIN)/lint-imports --no-logo

fix: setup ## Repair what lint and format can repair
	@$(BIN)/ruff check --fix $(wildcard $(CHECKED))
	@$(BIN)/ruff format $(wildcard $(CHECKED))

bench: setup ## Print the ratios of docs/performance.md
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks

schema: setup ## Write the JSON Schema anew
	@$(BIN)/llmstrat schema --output schema/llmstrat-v1.schema.json

docs: setup ## Write the generated parts of docs/ anew
	@$(BIN)/python tools/generate_docs.py

lock: setup ## Resolve the pinned requirements anew
	@tools/lock.sh
