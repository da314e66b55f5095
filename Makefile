# The habits of this house. Every target sets up what it needs; nothing but Debian and Python 3.11 is expected.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEV_READY := .venv/ready-dev
NODE_READY := node_modules/.package-lock.json
# npm copies into its lock file where each maker asks for money.
WITHOUT_ADVERTISING = const file = "package-lock.json", lock = JSON.parse(fs.readFileSync(file)); \
  for (const one of Object.values(lock.packages)) delete one.funding; \
  fs.writeFileSync(file, JSON.stringify(lock, null, 2) + "\n");
LOCK = $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
  --no-emit-trusted-host --no-emit-find-links --no-header --extra checkout

.PHONY: run demo test check lighthouse screenshots bench crash powercut soak siege fuzz ffmpeg prompts vendor setup dev tools audit sbom lock clean

setup: $(READY)

$(READY): requirements.txt pyproject.toml setup.sh
	PYTHON="$(PYTHON)" ./setup.sh
	touch $(READY)

dev: $(DEV_READY)

$(DEV_READY): requirements-dev.txt | $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $(DEV_READY)

tools: $(NODE_READY)

$(NODE_READY): package.json package-lock.json .npmrc | $(DEV_READY)
	$(BIN)/npm ci --loglevel error >/dev/null
	touch $(NODE_READY)

run: setup                     ## serve phones and toys
	$(BIN)/toybackend serve

demo: setup                    ## the main job in one go
	$(BIN)/toybackend demo

test: dev tools                ## every test that takes seconds, with coverage floors
	./test.sh

check: dev tools               ## format, lint, types of both languages, known vulnerabilities
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/node node_modules/.bin/tsc
	$(BIN)/node node_modules/.bin/tsc --project tsconfig.worker.json
	@$(BIN)/python -m supply.audit || [ $$? -eq 3 ]  # 3: nobody answered, and that was said

bench: setup                   ## what a message, a socket and a licence cost, who waits for whom, what the clock tells
	$(BIN)/python -m bench.cost
	$(BIN)/python -m bench.idle
	$(BIN)/python -m bench.fairness
	$(BIN)/python -m bench.licences
	$(BIN)/python -m bench.timing

lighthouse: dev tools          ## how quick and how accessible the pages are
	$(BIN)/python -m bench.lighthouse

screenshots: dev               ## a picture of every screen, into docs/screenshots
	$(BIN)/python -m tests.browser.screenshots

crash: setup                   ## kill the server and fill its disk under 10,000 messages, and count what was lost
	$(BIN)/python -m trials.crash

powercut: setup                ## cut the power at every moment of 50 recorded runs (needs strace)
	$(BIN)/python -m trials.powercut

soak: setup                    ## half an hour of families, mischief and restarts, every frame held against a model
	$(BIN)/python -m trials.soak

siege: setup                   ## thousands who do harm: whether others notice, and what memory is left
	$(BIN)/python -m trials.siege

fuzz: dev                      ## a million inputs for the parsers, thousands of broken recordings for the converter
	$(BIN)/python -m trials.fuzz.parsers
	$(BIN)/python -m trials.fuzz.media
	$(BIN)/python -m trials.bombs

ffmpeg:                        ## our own small static build, into ffmpeg/bin
	ffmpeg/build.sh

prompts: setup                 ## speak the prompts again (needs espeak-ng)
	$(BIN)/python prompts/make.py

vendor: tools                  ## copy the libraries that the pages ship out of node_modules
	./vendor.sh

audit: dev tools               ## known vulnerabilities of what we lock; ends with 3 where nobody answers
	$(BIN)/python -m supply.audit

sbom: setup                    ## what a deployment installs, into sbom.cdx.json
	$(BIN)/python -m supply.sbom

# The tools are the newest that go with what a server runs on, not the other way round. pip-compile forgets for which
# machines there is an atheris.
lock: dev                      ## choose the versions of all dependencies anew
	$(LOCK) --upgrade --output-file requirements.txt pyproject.toml
	cp requirements.txt requirements-dev.txt
	$(LOCK) --extra dev --output-file requirements-dev.txt pyproject.toml
	sed -i "s/^atheris==[^ ]*/& ; $$(sed -n 's/.*"atheris[^;]*; *\(.*\)",/\1/p' pyproject.toml)/" requirements-dev.txt
	$(BIN)/npm update --package-lock-only --loglevel error >/dev/null
	$(BIN)/node --eval '$(WITHOUT_ADVERTISING)'
	$(BIN)/python -m supply.sbom

clean:
	rm -rf .venv node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
