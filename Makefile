# make demo   builds everything, runs examples/quickstart.yaml on Fashion-MNIST long-tail, leaves a report
# make test   format, vet, lint, workflowcheck, all fast tests, and a build for the other systems
# make cross  builds and vets for macOS and FreeBSD, and tests on Linux the code that only they use
# make race   the concurrent packages under the race detector
# make accept the end-to-end tests with the real services (test-e2e is the same)
# make chaos  sweeps on the real stack under injected faults (FAULTS=40 SEED=1; Linux, root to fill a disk), see docs/reliability.md
# make bench-search     compares the search with Optuna and goptuna, writes docs/benchmarks/search.md (Python 3.11+, an hour or more)
# make bench-earlier    measures what earlier sweeps are worth to a new one, writes docs/benchmarks/earlier.md (a quarter of an hour)
# make bench-search-gp  the same and Optuna's GPSampler, whose PyTorch is some gigabytes
# make bench-eval       compares the metrics with clean-fid, pytorch-fid and prdc, writes docs/benchmarks/eval.md (Python 3.11+, minutes)
# make bench-features   measures what features of colour images are worth, writes docs/benchmarks/features.md (Debian, npm, 300 MB of images; a quarter of an hour)
# make bench-train      times training and sampling against JAX, writes docs/benchmarks/train.md (Python 3.11+, minutes; TRAIN_FLAGS=-quick for a look)
# make bench-orchestrate  sweeps whose children only sleep, and the same in Ray Tune, writes docs/benchmarks/orchestrate.md (Linux, Python 3.11+, most of a day;
#                         ORCHESTRATE_FLAGS='-short -within 37m' for the cases of the goals, =-quick for a look)
# make bench-cluster      the same sweeps on a Temporal server with PostgreSQL, =bench-cassandra with Cassandra, writes docs/benchmarks/cluster.md (Linux, PostgreSQL 15+; Java 17, Maven; half an hour)
# make bench-data       times the reading of 20,000 images, and the memory that it takes, writes docs/benchmarks/data.md (minutes; DATA_FLAGS='-images 200000' for more)
# make interop          compares examples/pytorch and examples/jax with tailsweep (Python 3.11+, minutes; PyPI's PyTorch for Linux is some gigabytes, with CUDA:
#                       TORCH_PYTHON=/usr/bin/python3 uses one that is installed)
#
# The backend `go` is ten times faster with GOEXPERIMENT=simd; it is for this
# module only. Without a C compiler Go builds with CGO_ENABLED=0 by itself, and
# XLA is left out.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
SIMD    := GOEXPERIMENT=simd
LDFLAGS := -X main.version=$(VERSION)
MODULES := tools devstack deploy/deploytest e2e bench/search/peers/goptuna
PYTHON  ?= python3
DEMO_OUT ?= out

FAULTS ?= 40
SEED   ?= 1

.PHONY: bench-data bench-earlier all build demo test check fmt fmt-check vet lint workflowcheck unit cross race test-e2e accept chaos stack tidy clean bench-search bench-search-gp bench-eval bench-features bench-train bench-orchestrate bench-orchestrate-virtual interop cluster-tools bench-cluster bench-cassandra

all: build

build:
	@mkdir -p bin
	$(SIMD) $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/tailsweep ./cmd/tailsweep

stack: build
	bin/tailsweep up --build-only

demo: build
	@bin/tailsweep backend install --if-possible
	bin/tailsweep run examples/quickstart.yaml
	@mkdir -p $(DEMO_OUT)
	bin/tailsweep report quickstart --to $(DEMO_OUT)/quickstart.html
	@rm -rf $(DEMO_OUT)/quickstart-best
	bin/tailsweep pull quickstart --top-n 1 --to $(DEMO_OUT)/quickstart-best
	@bin/tailsweep status
	@echo "report: $(DEMO_OUT)/quickstart.html   stop the stack: bin/tailsweep down"

test check: fmt-check vet lint workflowcheck cross unit

fmt:
	gofmt -w $$(git ls-files -co --exclude-standard '*.go')

fmt-check:
	@bad=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$bad" ]; then echo "not formatted (run make fmt):"; echo "$$bad"; exit 1; fi

vet:
	$(SIMD) $(GO) vet ./...
	$(SIMD) $(GO) vet -C e2e ./...
	$(GO) vet -C devstack ./...
	$(GO) vet -C deploy/deploytest ./...

bin/golangci-lint: tools/go.mod
	@mkdir -p bin
	@echo "building golangci-lint (minutes, once)"
	$(GO) build -C tools -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

bin/workflowcheck: tools/go.mod
	@mkdir -p bin
	$(GO) build -C tools -o ../bin/workflowcheck go.temporal.io/sdk/contrib/tools/workflowcheck

lint: bin/golangci-lint
	$(SIMD) bin/golangci-lint run ./...
	cd devstack && ../bin/golangci-lint run ./...
	cd deploy/deploytest && ../../bin/golangci-lint run ./...
	cd e2e && $(SIMD) ../bin/golangci-lint run ./...

workflowcheck: bin/workflowcheck
	$(SIMD) bin/workflowcheck -config tools/workflowcheck.yaml ./workflows/...

unit:
	$(GO) test -C deploy/deploytest ./...
	$(GO) test -C devstack -short ./...
	$(SIMD) $(GO) test -timeout 20m ./...

# GOEXPERIMENT=simd exists on amd64 only.
cross:
	@for target in darwin/amd64 darwin/arm64 freebsd/amd64; do \
		echo "$(GO) build, $$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build ./... || exit 1; \
	done
	@for arch in amd64 arm64; do \
		echo "$(GO) vet, darwin/$$arch"; \
		CGO_ENABLED=0 GOOS=darwin GOARCH=$$arch $(GO) vet ./... || exit 1; \
	done
	$(SIMD) $(GO) test -tags portable ./worker ./internal/child

# The concurrent packages. Needs a C compiler.
race:
	$(SIMD) $(GO) test -race ./worker ./activities ./workflows ./internal/... ./trainer/program

test-e2e accept: build bin/older
	@bin/tailsweep backend install --if-possible
	$(GO) test -C devstack -count=1 ./...
	$(SIMD) $(GO) test -C e2e -count=1 -timeout 55m -v ./...

# CHAOS_FLAGS='-only worker' injects only faults with this word in their name.
chaos: build bin/older
	$(SIMD) $(GO) build -C e2e -o ../bin/hasher ./chaos/hasher
	$(SIMD) $(GO) build -C e2e -o ../bin/chaos ./chaos
	bin/chaos -faults $(FAULTS) -seed $(SEED) -older bin/older $(CHAOS_FLAGS)

# A tailsweep that does not know the field train.log_every, as one built before there was one.
bin/older: sweep/spec.go
	@mkdir -p bin
	sed 's/json:"log_every"/json:"-"/' sweep/spec.go > bin/older-spec.txt
	! cmp -s sweep/spec.go bin/older-spec.txt
	echo '{"Replace": {"$(CURDIR)/sweep/spec.go": "$(CURDIR)/bin/older-spec.txt"}}' > bin/older.json
	$(SIMD) $(GO) build -overlay bin/older.json -ldflags '-X main.version=older' -o bin/older ./cmd/tailsweep

# Results are kept in bench/search/results: after a change of an engine only that
# engine runs again. `make clean` removes the virtual environments.
SEARCH   := bench/search
PEERS    := random,tpe,cmaes,nsga2,optuna-tpe,optuna-cmaes,optuna-nsga2,goptuna-tpe,goptuna-cmaes
BENCH     = $(SIMD) $(GO) run ./$(SEARCH) -problems reported,heldout -budget 50,100 -parallel 8,1 -seeds 10 -first-seed 1000 \
	-results $(SEARCH)/results -report docs/benchmarks/search.md -latency

$(SEARCH)/.venv $(SEARCH)/.venv-gp: $(SEARCH)/.venv%: $(SEARCH)/peers/requirements%.txt
	rm -rf $@
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --require-hashes -r $<

$(SEARCH)/.bin/goptuna: $(wildcard $(SEARCH)/peers/goptuna/*)
	$(GO) build -C $(SEARCH)/peers/goptuna -o ../../.bin/goptuna .

bench-search: build $(SEARCH)/.venv $(SEARCH)/.bin/goptuna
	$(BENCH) -engines bayes,$(PEERS)

bench-search-gp: build $(SEARCH)/.venv $(SEARCH)/.venv-gp $(SEARCH)/.bin/goptuna
	$(BENCH) -engines bayes,optuna-gp,$(PEERS)

# The two packages of requirements-source ask for PyTorch, which their formulas do not need.
bench-earlier:
	$(SIMD) $(GO) run ./$(SEARCH) -earlier -engines bayes,tpe,cmaes,nsga2 -parallel 8 -seeds 20 -first-seed 9000 -after 10,20 -report docs/benchmarks/earlier.md

bench-data: build
	$(SIMD) $(GO) run ./bench/data -report docs/benchmarks/data.md $(DATA_FLAGS)

EVAL := bench/eval

$(EVAL)/.venv: $(EVAL)/peers/requirements.txt $(EVAL)/peers/requirements-source.txt
	rm -rf $@
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --require-hashes -r $(EVAL)/peers/requirements.txt
	$@/bin/pip install --quiet --require-hashes --no-deps -r $(EVAL)/peers/requirements-source.txt

bench-eval: $(EVAL)/.venv
	$(SIMD) $(GO) run ./$(EVAL) -report docs/benchmarks/eval.md

FEATURES := bench/features

$(FEATURES)/.sets: $(FEATURES)/images.py
	rm -rf $@ $(FEATURES)/.packages
	mkdir -p $(FEATURES)/.packages
	cd $(FEATURES)/.packages && apt-get download oxygen-icon-theme tuxpaint-stamps-default && npm pack --silent emoji-datasource-google@16.0.0
	cd $(FEATURES)/.packages && for p in *.deb; do dpkg-deb -x $$p . || exit 1; done && tar xzf emoji-datasource-google-16.0.0.tgz package/emoji.json package/img/google/64
	$(PYTHON) $(FEATURES)/images.py $(FEATURES)/.packages $@

bench-features: build $(FEATURES)/.sets
	@bin/tailsweep backend install --if-possible
	$(SIMD) $(GO) run ./$(FEATURES) $(foreach s,icons stamps emoji,-set $(s)=$(FEATURES)/.sets/$(s)) -report docs/benchmarks/features.md

TRAIN := bench/train

$(TRAIN)/.venv: $(TRAIN)/peers/requirements.txt
	rm -rf $@
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --require-hashes -r $<

bench-train: build $(TRAIN)/.venv
	@bin/tailsweep backend install --if-possible
	$(SIMD) $(GO) run ./$(TRAIN) -report docs/benchmarks/train.md $(TRAIN_FLAGS)

# Results are kept in bench/orchestrate/results: only the cases that are missing there run,
# or with ORCHESTRATE_FLAGS=-again all that are asked for.
# ORCHESTRATE_FLAGS='-profiles DIR' adds CPU profiles of worker and stack, -cases
# METHOD-SLEEP-SLOTS-TRIALS,... measures these anew, -short those that the goals are about.
ORCHESTRATE := bench/orchestrate
ORCHESTRATE_RUN = $(SIMD) $(GO) run ./$(ORCHESTRATE) -results $(ORCHESTRATE)/results -report docs/benchmarks/orchestrate.md

$(ORCHESTRATE)/.venv: $(ORCHESTRATE)/peers/requirements.txt
	rm -rf $@
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --require-hashes -r $<

bench-orchestrate: build $(ORCHESTRATE)/.venv
	$(GO) build -o $(ORCHESTRATE)/.bin/sleeper ./$(ORCHESTRATE)/sleeper
	$(ORCHESTRATE_RUN) $(ORCHESTRATE_FLAGS)

# The decisions of 100,000 trials on 1,000 slots, in virtual time (minutes).
bench-orchestrate-virtual:
	$(ORCHESTRATE_RUN) -virtual 100000/1000

# The same sweeps on a Temporal server with PostgreSQL, whose programs are in POSTGRES (Debian's
# package postgresql), or with Cassandra (needs Java 17 and Maven), and how fast PostgreSQL
# commits; half an hour each. Results are kept in bench/orchestrate/results/cluster. CLUSTER_FLAGS,
# if set, runs other cases, such as '-cases random-1s-64-1000 -shards 512'.
POSTGRES ?= /usr/lib/postgresql/15/bin
CLUSTER_RUN = $(SIMD) $(GO) run ./$(ORCHESTRATE) -postgres $(POSTGRES) -results $(ORCHESTRATE)/results/cluster -report docs/benchmarks/cluster.md

cluster-tools: build
	$(GO) build -o $(ORCHESTRATE)/.bin/sleeper ./$(ORCHESTRATE)/sleeper
	for tool in server tools/sql tools/cassandra; do GOBIN=$(CURDIR)/$(ORCHESTRATE)/.bin $(GO) install go.temporal.io/server/cmd/$$tool@$$($(GO) list -C devstack -m -f '{{.Version}}' go.temporal.io/server) || exit; done

bench-cluster: cluster-tools
ifdef CLUSTER_FLAGS
	$(CLUSTER_RUN) $(CLUSTER_FLAGS)
else
	$(CLUSTER_RUN) -commits
	$(CLUSTER_RUN) -cases random-1s-16-320 -shards 4,512
	$(CLUSTER_RUN) -cases random-1s-64-96 -shards 4,512 -sweeps 1,4 -commit-delay 100ms
endif

bench-cassandra: cluster-tools
	mvn --quiet --file $(ORCHESTRATE)/peers/cassandra/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(ORCHESTRATE)/.bin/cassandra-jars
	$(CLUSTER_RUN) -cassandra $(ORCHESTRATE)/.bin/cassandra-jars -cases random-1s-16-320 -shards 512 $(CLUSTER_FLAGS)

INTEROP := bench/interop

$(INTEROP)/.venv-pytorch $(INTEROP)/.venv-jax: $(INTEROP)/.venv-%: examples/%/requirements.txt
	rm -rf $@
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --require-hashes -r $<

# TORCH_PYTHON=... is a Python with PyTorch, NumPy, safetensors and Pillow in place of the pinned ones.
interop: build $(if $(TORCH_PYTHON),,$(INTEROP)/.venv-pytorch) $(INTEROP)/.venv-jax
	$(SIMD) $(GO) run ./$(INTEROP) $(if $(TORCH_PYTHON),-torch $(TORCH_PYTHON))

tidy:
	$(GO) mod tidy
	for m in $(MODULES); do (cd $$m && $(GO) mod tidy); done

clean:
	rm -rf bin out $(EVAL)/.venv $(TRAIN)/.venv $(INTEROP)/.venv-pytorch $(INTEROP)/.venv-jax $(SEARCH)/.venv $(SEARCH)/.venv-gp $(SEARCH)/.bin $(ORCHESTRATE)/.venv $(ORCHESTRATE)/.bin
