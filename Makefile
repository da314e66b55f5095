# The habits of this house. Every target sets up what it needs; nothing but Debian and Python 3.11 is expected.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: run demo test check bench crash ffmpeg prompts setup lock clean

setup: $(READY)

$(READY): requirements.txt pyproject.toml setup.sh
	PYTHON="$(PYTHON)" ./setup.sh
	touch $(READY)

run: setup                     ## serve phones and toys
	$(BIN)/toybackend serve

demo: setup                    ## the main job in one go
	$(BIN)/toybackend demo

test: setup                    ## every test that takes seconds, with coverage floors
	./test.sh

check: setup                   ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: setup                   ## what a message, a socket and a licence cost, who waits for whom
	$(BIN)/python -m bench.cost
	$(BIN)/python -m bench.idle
	$(BIN)/python -m bench.fairness
	$(BIN)/python -m bench.licences

crash: setup                   ## kill the server 200 times and count what was lost
	$(BIN)/python -m bench.crash

ffmpeg:                        ## our own small static build, into ffmpeg/bin
	ffmpeg/build.sh

prompts: setup                 ## speak the prompts again (needs espeak-ng)
	$(BIN)/python prompts/make.py

lock: setup                    ## choose the versions of all dependencies anew
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --no-header --extra dev \
	  --output-file requirements.txt pyproject.toml

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
