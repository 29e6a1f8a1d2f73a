# The two commands of a newcomer are `make run` and `make test`; plain `make` installs what is missing and builds build/hse.
# Everything here is a thin layer over CMake presets (CMakePresets.json) and scripts/.
PRESET ?= release
JOBS   ?= $(shell nproc)
KIT    ?= tests/golden
ARGS   ?=

.PHONY: all program build run test asan tsan valgrind golden torture fuzz cover bench load lint format install clean help

all: build

# What is run and installed; the tests are built by what runs them.
PROGRAM = $(PRESET) $(JOBS) hse hse-media libhse libhse_static

program:
	@scripts/bootstrap build
	@scripts/build $(PROGRAM)

build:            ## install what is missing, build build/hse, make the language packs (meanwhile, once)
	@scripts/bootstrap build
	@nice scripts/language-data -q & scripts/build $(PROGRAM); built=$$?; wait; exit $$built

run: program      ## build, start the server with the bundled demo voice, print a command to try
	@exec build/hse serve $(ARGS)

test:             ## everything: unit, golden, API, damaged files, sanitizers; ends with "N passed, N failed"
	@scripts/bootstrap test
	@scripts/test

asan tsan coverage: ## the unit tests in that build
	@scripts/bootstrap test
	@scripts/build $@ $(JOBS)
	@ctest --test-dir build/$@ --output-on-failure -j$(JOBS)

valgrind:         ## the unit tests under valgrind memcheck
	@scripts/bootstrap dev
	@scripts/build release $(JOBS)
	@scripts/valgrind

golden: build     ## run a parity kit: make golden [KIT=DIR]; every case on every instruction set, alone and in a batch
	@scripts/golden $(KIT)

torture:          ## fail every allocation once
	@scripts/bootstrap test
	@scripts/build asan $(JOBS)
	@HSE_TORTURE=1 ctest --test-dir build/asan --output-on-failure -R torture

fuzz:             ## libFuzzer over every parser: make fuzz [SECONDS=60] [RUNS=0] [ONLY=name]
	@scripts/bootstrap dev
	@scripts/build fuzz $(JOBS)
	@scripts/fuzz

cover:            ## line coverage of the unit tests
	@scripts/bootstrap dev
	@scripts/build coverage $(JOBS)
	@scripts/cover

bench:            ## side by side with the peers, which are installed into bench/.venv
	@scripts/bootstrap bench
	@scripts/bench $(ARGS)

load: build       ## more and more clients at once, full-size models: make load [ARGS=--quick]; the tables of docs/speed.md
	@scripts/load $(ARGS)

lint:             ## include directions, banned functions, layout, clang-tidy
	@scripts/bootstrap dev
	@scripts/lint

format:           ## clang-format in place
	@scripts/bootstrap dev
	@git ls-files -co --exclude-standard 'src/*.[ch]' 'include/*.h' 'tests/*.[ch]' 'bench/*.c' 'examples/*.c' | xargs clang-format -i

install: build    ## install to /usr/local, or PREFIX=DIR
	@cmake --install build/$(PRESET) $(if $(PREFIX),--prefix $(PREFIX))

clean:
	@rm -rf build

help:
	@grep -hE '^[a-z ]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 20
