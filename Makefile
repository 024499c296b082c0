# Doors to scripts/, which do the work and can be called without make as well.

help:  ## this list
	@sed -n 's/^\([a-z-]*\): *## */  make \1\t/p' Makefile | expand -t 22

deb:  ## build vfifo-dkms.deb
	scripts/deb

demo:  ## install and use it in a throw-away Debian, before your eyes
	scripts/demo

check:  ## run every test
	scripts/check

check-kernels:  ## the kernel lane under every kernel of scripts/kernels.list
	scripts/check -k

check-long:  ## the tests that can go on for long, with their whole counts (an hour)
	scripts/check-long

style:  ## check shell, C, packaging and versions
	scripts/style

vm-test:  ## run the kernel lane's tests (scripts/vm-test -h for a choice)
	scripts/vm-test

vm-shell:  ## a shell in a small guest with the module loaded
	scripts/vm-shell

install-test:  ## run the install lane's tests in whole Debian guests
	scripts/install-test -a

bench:  ## measure the library and the device, beside a pipe (two minutes)
	scripts/bench

clean:  ## remove what make deb left here (the caches are in ~/.cache/vfifo)
	rm -f *.deb

.PHONY: help deb demo check check-kernels check-long style vm-test vm-shell install-test bench clean
