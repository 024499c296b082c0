# Each target calls a script of scripts/, which works without make as well. scripts/NAME -h
# prints the usage of a script. T and K choose the tests and the kernel of vm-test and
# check-long: make vm-test T='read-*' K=6.12

help:  ## this list
	@sed -n 's/^\([a-z-]*\): *## */  make \1\t/p' Makefile | expand -t 22

deb:  ## build vfifo-dkms.deb
	scripts/deb

source:  ## make the source package of the last commit, as for an upload to Debian
	scripts/deb -s

demo:  ## install vfifo in a throw-away Debian and use it there
	scripts/demo

check:  ## run all tests
	scripts/check

check-kernels:  ## run the kernel lane under every kernel of scripts/kernels.list
	scripts/check -k

check-long:  ## run the long tests of the kernel lane in full
	scripts/vm-test -l $(if $(K),-k $(K)) $(foreach t,$(T),'$(t)')

mutants:  ## take away each defence of the module in turn; a test must fail
	scripts/mutants

coverage:  ## count the lines of module, library and command that the tests run
	scripts/coverage

patch:  ## write the driver as patches for the kernel into the folder D
	scripts/patch $(D)

style:  ## check shell, C, packaging and versions
	scripts/style

vm-test:  ## run the kernel lane, or its tests T under the kernel K
	scripts/vm-test $(if $(K),-k $(K)) $(foreach t,$(T),'$(t)')

fuzz:  ## fuzz the module in guests for twenty minutes, from where it was left (K: the kernel)
	scripts/fuzz $(if $(K),-k $(K))

vm-shell:  ## open a shell in a small guest with the module loaded
	scripts/vm-shell

install-test:  ## run all tests of the install lane in whole Debian guests
	scripts/install-test -a

bench:  ## measure the library and the device beside pipes, sockets and rings (three to seven minutes)
	scripts/bench

bench-check:  ## compare the instructions of each call with tests/bench/baseline (a minute)
	scripts/bench --check

bench-document:  ## measure, and write src/doc/performance.md and its chart
	scripts/bench --document

clean:  ## remove the packages that make deb and make source put here (the cache is ~/.cache/vfifo)
	rm -f *.deb vfifo_*

.PHONY: help deb source demo check check-kernels check-long mutants coverage patch style vm-test fuzz vm-shell install-test bench bench-check bench-document clean
