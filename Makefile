# What a developer or a new user runs; `make help` lists it.
SHELL = /bin/bash

# cargo's folder is on the PATH of login shells only.
export PATH := $(PATH):$(if $(CARGO_HOME),$(CARGO_HOME),$(HOME)/.cargo)/bin
# The tests, the documentation and the linters use an installation of their own.
LIBRARY = $(CURDIR)/target/library
WITH_LIBRARY = R_LIBS="$(LIBRARY)$${R_LIBS:+:$$R_LIBS}"

.PHONY: help demo test check docs bench install library lint setup setup-dev setup-bench clean

help:
	@echo "make demo     install what is needed, then rmlx, and run the demo"
	@echo "make install  install rmlx into your library"
	@echo "make test     the Rust and the R tests"
	@echo "make check    build the package and run R CMD check on it"
	@echo "make docs     make man/ and NAMESPACE from the comments in R/"
	@echo "make bench    the benchmark beside Python MLX, JAX, PyTorch and base R"
	@echo "make lint     rustfmt, clippy and lintr"
	@echo "make setup    install the system packages that rmlx needs"
	@echo "make clean    remove what was built"

demo: setup
	@echo "==> installing rmlx (a first build takes a few minutes)"
	@$(MAKE) --no-print-directory install
	@echo "==> running the demo"
	@Rscript tools/demo.R

install:
	@library=$$(Rscript tools/library.R) && \
	  echo "==> R CMD INSTALL into $$library" && \
	  R CMD INSTALL --library="$$library" .

library:
	@mkdir -p "$(LIBRARY)"
	@echo "==> R CMD INSTALL into $(LIBRARY)"
	@R CMD INSTALL --library="$(LIBRARY)" .

# Both halves run even if one fails.
test: setup library
	@status=0; \
	  echo "==> Rust tests"; \
	  cargo test --locked --workspace --no-fail-fast || status=1; \
	  echo "==> R tests"; \
	  python=$$($(WITH_LIBRARY) tools/python.sh); \
	  $(WITH_LIBRARY) $${python:+env RMLX_TEST_PYTHON="$$python"} Rscript tools/test.R || status=1; \
	  exit $$status

check: setup-dev
	@tools/check.sh

docs: setup-dev library
	@$(WITH_LIBRARY) Rscript -e 'roxygen2::roxygenise(load_code = "installed")'

bench: setup-bench library
	@python=$$($(WITH_LIBRARY) bench/python.sh); \
	  $(WITH_LIBRARY) $${python:+env RMLX_BENCH_PYTHON="$$python"} \
	    Rscript bench/run.R $(if $(PARTS),--parts="$(PARTS)") $(BENCH_ARGS)

lint: setup-dev library
	@status=0; \
	  echo "==> cargo fmt"; \
	  cargo fmt --all --check || status=1; \
	  echo "==> cargo clippy"; \
	  cargo clippy --locked --workspace --all-targets -- -D warnings || status=1; \
	  echo "==> lintr"; \
	  $(WITH_LIBRARY) Rscript tools/lint.R || status=1; \
	  exit $$status

setup:
	@tools/setup.sh

setup-dev:
	@tools/setup.sh --dev

setup-bench:
	@tools/setup.sh --bench

clean:
	@./cleanup
