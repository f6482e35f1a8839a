# make test   everything that must be green, from a bare Debian with Go and Node
# make build  the program, as ./cuelight
# make run    the program with its demo
# make web    the web parts, built anew into their committed places
# make lint   the linter alone
# make fuzz   every fuzz target for a while

GOLANGCI = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
CLIENTS  = web/live/testdata/clients

.PHONY: test build run web lint deps modules check-web check-go fuzz browser fresh

test: deps modules check-web check-go fuzz browser fresh lint

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o cuelight ./cmd/cuelight

run:
	go run ./cmd/cuelight serve --demo

web: modules
	npm --prefix web run build

lint:
	$(GOLANGCI) run ./...

# Chromium, PostgreSQL and a C compiler for the race detector, where they are missing.
deps:
	.ci/deps

modules:
	cd web && npm ci --no-progress
	if [ -f $(CLIENTS)/package-lock.json ]; then cd $(CLIENTS) && npm ci --no-progress; fi

check-web:
	npm --prefix web run types
	.ci/fresh npm --prefix web run build

# What drives whole processes, or measures memory and time, runs alone: beside others it would measure them.
ALONE = cmd/e2e\|cmd/torture\|web/live
check-go:
	go vet ./...
	node .ci/gotest.mjs -race -timeout 25m $$(go list ./... | grep -v '$(ALONE)')
	node .ci/gotest.mjs -race -timeout 15m ./web/live
	node .ci/gotest.mjs -count 1 -p 1 -timeout 20m ./web/live ./engine/expr ./cmd/torture ./cmd/e2e

# Every fuzz target for a while, two at a time with one worker each; what they find stays in the packages' testdata. Counted, not timed: at the
# end of a time Go may say "context deadline exceeded" though nothing was found (golang/go#75804).
FUZZTIME = 10000x
FUZZ = engine/expr:FuzzCompile engine/expr:FuzzTemplate engine/filter:FuzzFilter engine/secret:FuzzMasker engine/secret:FuzzBox steps:FuzzDocument steps/egress:FuzzRequest triggers:FuzzCron web/live:FuzzConnectPacket web/api:FuzzScan
fuzz:
	printf '%s\n' $(FUZZ) | xargs -P 2 -I TARGET sh -c 'target=TARGET; \
		go test "./$${target%:*}" -run xxx -fuzz "^$${target#*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x -parallel 1'

browser:
	npm --prefix web run test

fresh:
	.ci/fresh go generate ./...
	go mod tidy -diff
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs ls -d 2>/dev/null | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; fi
