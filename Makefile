# Signet. `make help` lists what there is to make.

.DEFAULT_GOAL := help
.PHONY: help run test lint bench book rehearse package package-gateway package-windows package-macos sign install-check oci reproducible first-trade cross clean deps deps-run ui fuzz fresh mutants soak kill sim instructions

# A window under a display of its own where the machine has none. Other systems than Linux name theirs in no variable.
WITH_DISPLAY := $(if $(DISPLAY)$(WAYLAND_DISPLAY)$(filter-out Linux,$(shell uname -s)),,xvfb-run -a -s "-screen 0 1280x800x24")
CARGO := cargo --locked

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

deps: ## install what is missing on Debian (system packages, front-end packages)
	@scripts/deps.sh

deps-run:
	@scripts/deps.sh run

ui: deps-run
	@scripts/ui.sh

run: ui ## open the desk on a practice venue: embedded gateway, four simulated dealers
	cargo build --locked --features practice
	@[ -z '$(WITH_DISPLAY)' ] || echo "signet: there is no display here, so the desk opens on one that nobody sees; Ctrl-C ends it"
	$(WITH_DISPLAY) "$$(scripts/target-dir.sh)/debug/signet-desk"

test: deps ui lint ## lint, unit, property, whole-system and window tests
	scripts/test.sh

lint: deps ui ## formatting, clippy, docs, licences, front end
	scripts/lint.sh

fresh: deps ## prove `make run` as the first command ever run: new clone, empty cargo home
	scripts/fresh.sh run

mutants: deps ## change the pure code in small ways and see that its tests notice
	scripts/mutants.sh

bench: deps ui ## print the numbers of docs/benchmarks.md
	scripts/bench.sh

# The packages of `make bench`, so that both count a program of the same features.
instructions: ## count the instructions of the gateway's operations beside the baseline (UPDATE_BASELINE=1 writes it)
	@scripts/deps.sh valgrind
	$(CARGO) build --release -p signet-bench -p signet-gateway -p signet-roam --bin instructions
	"$$(scripts/target-dir.sh)/release/instructions"

book: ## make the documents into a book, target/book (builds mdBook once; not part of `make test`)
	scripts/book.sh

rehearse: ## lose a gateway and restore it from its backups, as docs/runbook.md has it
	scripts/rehearse.sh

fuzz: deps ## a longer run of the parsers' property tests
	PROPTEST_CASES=20000 $(CARGO) test -p signet-fix -p signet-journal -p signet-rfq -p signet-policy -p signet-router -p signet-gateway --lib

soak: deps ## hostile peers beside an honest desk, release: its latency (SIGNET_HOSTILE_SECONDS, SIGNET_SEED, SIGNET_HOSTILE=desk|dealer)
	$(CARGO) test --release -p signet-hostile --test soak -- --nocapture

package: deps ui ## build the installers of this platform (.deb and .rpm on Linux)
	scripts/package.sh

package-gateway: ## build the gateway's .deb and .rpm only
	scripts/package.sh gateway

package-windows: deps ui ## cross-build the desk's NSIS and MSI installers (Debian: nsis, wixl, mingw-w64)
	scripts/package.sh windows

package-macos: ui ## build the desk's .dmg and .pkg, on a Mac
	packaging/macos/build.sh target/package

sign: ## sign what is in target/package and make the apt and dnf repositories (SIGNET_SIGN_KEY); builds nothing
	packaging/sign.sh target/package

install-check: ## install, tamper with, upgrade and remove the packages in a clean root (root)
	scripts/install_check.sh

reproducible: ## build the gateway's packages twice in different folders and name the differences (an hour)
	scripts/reproducible.sh

oci: ## build the gateway's container image from its package, without Docker (root)
	packaging/gateway/oci.sh

first-trade: ## from a clean root with only the gateway's package to a filled trade: commands and time (root)
	scripts/first-trade.sh

cross: deps ui ## build for Windows, run under wine what can run there, type-check for macOS
	scripts/cross.sh

kill: deps ui ## kill gateway and desks at random moments under load, hundreds of times (KILLS, SIGNET_SEED)
	$(CARGO) test -p signet-kill --test campaign -- --ignored --nocapture

sim: deps ## run a million schedules of the simulator, on every core (SIM_SCHEDULES, SIM_FIRST)
	$(CARGO) test --profile night -p signet-sim --test schedules -- --ignored --nocapture

clean: ## remove what was built
	rm -rf target ui/dist ui/node_modules
