# The habits of this house. Every target sets up what it needs; nothing but Debian and Python 3.11 is expected.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
NODE_READY := node_modules/.package-lock.json
# npm copies into its lock file where each maker asks for money.
WITHOUT_ADVERTISING = const file = "package-lock.json", lock = JSON.parse(fs.readFileSync(file)); \
  for (const one of Object.values(lock.packages)) delete one.funding; \
  fs.writeFileSync(file, JSON.stringify(lock, null, 2) + "\n");

.PHONY: run demo test check lighthouse screenshots bench crash ffmpeg prompts vendor setup tools lock clean

setup: $(READY)

$(READY): requirements.txt pyproject.toml setup.sh
	PYTHON="$(PYTHON)" ./setup.sh
	touch $(READY)

tools: $(NODE_READY)

$(NODE_READY): package.json package-lock.json .npmrc | $(READY)
	$(BIN)/npm ci --loglevel error >/dev/null
	touch $(NODE_READY)

run: setup                     ## serve phones and toys
	$(BIN)/toybackend serve

demo: setup                    ## the main job in one go
	$(BIN)/toybackend demo

test: setup tools              ## every test that takes seconds, with coverage floors
	./test.sh

check: setup tools             ## format, lint, types of both languages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/node node_modules/.bin/tsc
	$(BIN)/node node_modules/.bin/tsc --project tsconfig.worker.json

bench: setup                   ## what a message, a socket and a licence cost, who waits for whom
	$(BIN)/python -m bench.cost
	$(BIN)/python -m bench.idle
	$(BIN)/python -m bench.fairness
	$(BIN)/python -m bench.licences

lighthouse: setup tools        ## how quick and how accessible the pages are
	$(BIN)/python -m bench.lighthouse

screenshots: setup             ## a picture of every screen, into docs/screenshots
	$(BIN)/python -m tests.browser.screenshots

crash: setup                   ## kill the server 200 times and count what was lost
	$(BIN)/python -m trials.crash

ffmpeg:                        ## our own small static build, into ffmpeg/bin
	ffmpeg/build.sh

prompts: setup                 ## speak the prompts again (needs espeak-ng)
	$(BIN)/python prompts/make.py

vendor: tools                  ## copy the libraries that the pages ship out of node_modules
	./vendor.sh

lock: setup                    ## choose the versions of all dependencies anew
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --no-header --extra dev \
	  --output-file requirements.txt pyproject.toml
	$(BIN)/npm update --package-lock-only --loglevel error >/dev/null
	$(BIN)/node --eval '$(WITHOUT_ADVERTISING)'

clean:
	rm -rf .venv node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
