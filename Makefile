# make run and make test are the two first commands; make help lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X github.com/sessiongate/sessiongate/internal/cli.Version=$(VERSION)
FUZZTIME ?= 60s
BENCH    ?= .
TESTS    ?= ./...
LOAD     ?=
WORLDS   ?= 1000000
BOTS     ?= latest

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build, then show the gate at work in front of PHP (or a simulated backend), and stay up
	@exec ./bin/sessiongate demo

# One package's tests at a time: many start real servers and hold them to time-outs.
# Where there is flock, the next package is compiled and linked meanwhile. The race
# detector would sleep for a second at the end of each process.
ONE_BY_ONE := $(if $(shell command -v flock),-p 2 -exec 'flock "$(CURDIR)/Makefile"',-p 1)

.PHONY: test
test: ## install what the tests need (asks first on a terminal), then run all of them with the race detector
	@scripts/test-deps
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=50 go test -race -shuffle=on $(ONE_BY_ONE) -timeout 8m $(TESTS)

.PHONY: browser
browser: ## look at the page for refusals, and at log-ins, with a real browser (installs Chromium)
	@scripts/test-deps --browser
	CGO_ENABLED=1 go test -race -tags browser -timeout 5m ./test/browser

.PHONY: build
build: ## build bin/sessiongate, static
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/sessiongate ./cmd/sessiongate

.PHONY: lint
lint: ## run every linter
	@scripts/lint

.PHONY: fmt
fmt: ## format the code
	go tool -modfile=tools/go.mod golangci-lint fmt

.PHONY: fuzz
fuzz: ## run each fuzz test for FUZZTIME (60s)
	@scripts/fuzz $(FUZZTIME)

.PHONY: sim
sim: ## let gates lock in WORLDS (1000000) simulated worlds in which everything goes wrong
	SIMULATIONS=$(WORLDS) go test -count=1 -timeout 0 -run '^TestSimulatedGates$$' ./lockstore

.PHONY: bench
bench: ## run the benchmarks of all packages
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: load
load: ## measure the gate in front of a real php-fpm (docs/benchmarks.md); LOAD: flags, measurements
	@scripts/test-deps
	go run ./test/load $(LOAD)

.PHONY: torture
torture: ## count 200,000 times on sessions while gates are killed and Redis connections disturbed (docs/benchmarks.md)
	@scripts/test-deps
	go run ./test/load $(LOAD) torture

.PHONY: bots
bots: ## renew the user agents of crawlers (internal/botua/data) from npm; BOTS: a version
	@scripts/bots $(BOTS)

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
