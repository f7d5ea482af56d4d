# Needs Python 3.11 or newer and make; everything else is installed into .venv and build/. `make help` lists the commands.

PORT ?= 8501
BUILD ?= build
TOOLS ?= .venv
BIN := $(TOOLS)/bin
READY := $(TOOLS)/.installed
# Before the name of a lock file. Where there is no uv, pip installs it, and it installs the rest, several at a time.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r
TEMPLATE := {{cookiecutter.project}}
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate
# The paths are relative, because the one of this folder may hold spaces.
FROM_TEMPLATE = $(if $(filter /%,$(1)),$(1),../$(1))
PROJECT ?= $(BUILD)/streamlit_keep
DOSE ?= full
NEWEST ?= $(BUILD)/newest

# The project in build/ is the template's own, not a team's: it is made anew, with its tools, settings and data kept.
BAKE_ANEW = mkdir -p $(1)/streamlit_keep && find $(1)/streamlit_keep -mindepth 1 -maxdepth 1 ! -name .venv ! -name .env \
	! -name .postgres ! -name files ! -name '*.db*' -exec rm -r {} + && \
	$(BIN)/cookiecutter "$(CURDIR)" --no-input --default-config --overwrite-if-exists --output-dir $(1)

# A project installs uv for itself where there is none. Here there is one, with what it has fetched before.
WITH_UV = PATH="$$PATH:$$(cd $(BIN) && pwd)"

.PHONY: help demo run new test newest check docs chaos bench update lock screenshots

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name text; do printf 'make %-12s %s\n' "$$name" "$$text"; done

demo: $(READY) ## make the default project in build/ and serve it at http://localhost:8501; elsewhere with PORT=8502
	@$(call BAKE_ANEW,$(BUILD))
	@$(WITH_UV) $(MAKE) --no-print-directory -C $(BUILD)/streamlit_keep run PORT=$(PORT)

run: demo ## the same as demo

new: $(READY) ## ask the ten questions and make your project beside this folder
	@PYTHONPATH="$(TEMPLATE)" $(BIN)/python scripts/new_project.py "$(or $(OUT),..)"

# Three at a time, because many of them wait for a page or a server. The browser's run apart: their driver has an event
# loop of its own in each process, beside which no other can be started.
# What takes the time is loading pages: about two seconds of the processor's in a new browser, one in a tab that had one.
# So the tests of the default project share one server in each process, and they take the lightest Chromium there is.
test: $(READY) ## run everything: the engine, a short dose of the laboratory, the template, browser
	$(BIN)/python -m pytest --numprocesses 3 --dist loadgroup --no-loadscope-reorder tests/engine
	$(BIN)/python -m pytest --numprocesses 3 --dist loadgroup --no-loadscope-reorder tests/template tests/browser

# With the locked versions of everything else, as far as the newest Streamlit lets them.
newest: $(READY) ## run the engine's tests with the newest Streamlit that can be had
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(NEWEST)
	$(BIN)/uv pip install --quiet --python $(NEWEST)/bin/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(NEWEST)/bin/python --upgrade-package streamlit streamlit
	$(NEWEST)/bin/python -m pytest --numprocesses 3 --dist loadgroup --no-loadscope-reorder tests/engine

check: $(READY) ## lint, and check the types and layers of the template folder in place
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd "$(TEMPLATE)" && $(call FROM_TEMPLATE,$(BIN))/mypy --cache-dir $(call FROM_TEMPLATE,$(BUILD))/mypy && \
		$(call FROM_TEMPLATE,$(BIN))/lint-imports --no-cache
	$(BIN)/mypy --cache-dir $(BUILD)/mypy-lab
	PYTHONPATH="$(TEMPLATE)" $(BIN)/lint-imports --no-cache

docs: $(READY) ## build the documentation site into build/site
	$(BIN)/python scripts/docs.py

bench: export BENCH_REPORT = docs/benchmarks.md
bench: $(READY) ## measure all beside its target, into docs/benchmarks.md (40 minutes); after make test
	@rm -f $$BENCH_REPORT
	$(BIN)/python -m benchmarks.start
	@for name in persist growth alternatives sign_in strangers crowd scale memory; do \
		PYTHONPATH="$(TEMPLATE)" $(BIN)/python -m benchmarks.$$name || exit; \
	done
	$(BIN)/python -m benchmarks.browser $(BUILD)/tests/streamlit_keep

chaos: $(READY) ## break a project on purpose and count what is lost (two hours): the default one, or PROJECT=../ours
ifeq ($(PROJECT),$(BUILD)/streamlit_keep)
	@$(call BAKE_ANEW,$(BUILD))
endif
	@$(WITH_UV) $(MAKE) --no-print-directory -C "$(PROJECT)" setup
	$(BIN)/python -m tests.lab.keyboard --project "$(PROJECT)" --dose $(DOSE)
	$(BIN)/python -m tests.lab.keyboard --project "$(PROJECT)" --dose $(DOSE) --scenario left --slow-reruns
	$(BIN)/python -m tests.lab.keyboard --project "$(PROJECT)" --dose short --times 6 --slow-reruns \
		--without outbox,ingress --must-lose
	PYTHONPATH="$(PROJECT)" "$(PROJECT)/.venv/bin/python" -m tests.lab --dose $(DOSE)

update: $(READY) ## bring the project in PROJECT=../ours to this version; one of before 0.2.0 needs FROM=COMMIT, too
	@cd "$(TEMPLATE)" && "$(abspath $(BIN))/python" -m core.scripts.update --project "$(abspath $(PROJECT))" \
		--template "$(CURDIR)" $(if $(TO),--to "$(TO)") $(if $(FROM),--from "$(FROM)")

lock: $(READY) ## renew the locked versions, the template's and the project's, and the types that follow from Streamlit's
	rm -rf $(BUILD)/lock
	@$(BIN)/cookiecutter "$(CURDIR)" --no-input --default-config --output-dir $(BUILD)/lock >/dev/null
	@$(MAKE) --no-print-directory -C $(BUILD)/lock/streamlit_keep lock
	cp $(BUILD)/lock/streamlit_keep/requirements.lock "$(TEMPLATE)/requirements.lock"
	cp $(BUILD)/lock/streamlit_keep/deploy/requirements.lock "$(TEMPLATE)/deploy/requirements.lock"
	$(COMPILE) --upgrade --group dev --group docs --output-file requirements.lock pyproject.toml "$(TEMPLATE)/requirements.lock"
	$(MAKE) --no-print-directory $(READY)
	PYTHONPATH="$(TEMPLATE)" $(BIN)/python -m scripts.ui_stub

screenshots: $(READY) ## renew the pictures in docs/images
	$(BIN)/python scripts/screenshots.py

# What is installed is noted by its lock: nothing is installed anew because a file was merely touched.
$(READY): requirements.lock
	@if cmp -s requirements.lock $@; then touch $@; exit; fi; \
	test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and was not found. Name it: make demo PYTHON=/path/to/python3"; exit 1; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is not Python 3.11 or newer. Name another one: make demo PYTHON=/path/to/python3"; exit 1; }; \
	echo "Installing $$(grep -c '==' requirements.lock) packages into $(TOOLS); this downloads them, which may take some minutes ..."; \
	if command -v uv >/dev/null; then \
		uv venv --quiet --allow-existing --python $(PYTHON) $(TOOLS) && \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock; \
	else \
		{ $(PYTHON) -m venv $(TOOLS) || { echo "On Debian and Ubuntu this needs: sudo apt-get install python3-venv"; exit 1; }; } && \
		sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >$(TOOLS)/uv.lock && $(PIP) $(TOOLS)/uv.lock && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock || \
		$(PIP) requirements.lock; \
	fi && \
	cp requirements.lock $@ && echo "Installed."
