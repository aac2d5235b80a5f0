# SPDX-License-Identifier: Apache-2.0
# Telltale. Everything is built under build/; V=1 shows the commands; README.md says what to call.
#
# What is missing to build is installed by packaging/deps.sh when root asks for it, and named otherwise.
# Each test, bench and subject is one source file; adding a file is all it takes.
#
# `make ARCH=arm64` on another machine builds in build/arm64, with the compiler $(CROSS_COMPILE)gcc and the libraries in
# SYSROOT, which packaging/sysroot.sh makes of Debian's packages unless another is named.

arch_of	= $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(1)))
HOST_ARCH := $(call arch_of,$(shell uname -m))
BPF_ARCH := $(call arch_of,$(or $(ARCH),$(HOST_ARCH)))
CROSS	:= $(filter-out $(HOST_ARCH),$(BPF_ARCH))

B	?= build$(CROSS:%=/%)
ifneq ($(CROSS),)
CROSS_COMPILE ?= aarch64-linux-gnu-
OWN_SYSROOT := $(if $(SYSROOT),,$(B)/sysroot)
SYSROOT	?= $(OWN_SYSROOT)
CC	:= $(CROSS_COMPILE)gcc --sysroot=$(abspath $(SYSROOT))
AR	:= $(CROSS_COMPILE)ar
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(abspath $(SYSROOT)) \
	PKG_CONFIG_LIBDIR=$(abspath $(SYSROOT))/usr/lib/$(CROSS_COMPILE:%-=%)/pkgconfig:$(abspath $(SYSROOT))/usr/share/pkgconfig pkg-config
endif
PKG_CONFIG ?= pkg-config
CC	?= cc
CLANG	?= clang
BPFTOOL	?= $(shell packaging/deps.sh --bpftool)
PKG	:= libbpf libelf zlib sqlite3 yaml-0.1 jansson libcap libxxhash nettle libpsl

PREFIX	?= /usr/local
SYSCONFDIR ?= /etc
BINDIR	?= $(PREFIX)/bin
DATADIR	?= $(PREFIX)/share
LIBDIR	?= $(PREFIX)/lib

# An unknown, newer compiler's new warning must not keep a user from building: see `demo` below.
WERROR	?= -Werror
WARN	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	   -Wwrite-strings -Wvla -Wimplicit-fallthrough -Wformat=2 -Wno-unused-parameter
HARDEN	:= -fstack-protector-strong -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
CFLAGS	?= -O2 -g
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(WARN) $(WERROR) $(HARDEN) $(CFLAGS) -Iagent -Iinclude -I$(B) \
	   -DTT_SYSCONFDIR='"$(SYSCONFDIR)"' -DTT_DATADIR='"$(DATADIR)"' $(PKG_CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

Q	:= $(if $(V),,@)
say	= $(if $(V),,@printf '  %-8s%s\n' '$(1)' '$(2)')

CMD_SRC	:= $(wildcard agent/cmd/*.c)
SRC	:= $(filter-out $(CMD_SRC),$(wildcard agent/*/*.c))
OBJ	:= $(SRC:%.c=$(B)/%.o)
CMD_OBJ	:= $(CMD_SRC:%.c=$(B)/%.o)
SQL	:= $(sort $(wildcard agent/store/schema/*.sql))
BPF_SRC	:= $(wildcard bpf/*.bpf.c)
BPF_OBJ	:= $(BPF_SRC:%.c=$(B)/%.o)
SKEL	:= $(if $(BPF_SRC),$(B)/telltale.skel.h)
UNIT	:= $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/*.c))
LIVE	:= $(patsubst %.c,$(B)/%,$(wildcard tests/bpf/*.c))
FIXTURES := $(patsubst %.c,$(B)/%,$(wildcard tests/fixtures/*.c))
BENCH	:= $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
FUZZ	:= $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*.c))

all: $(B)/telltale

# ---- what this machine has: made once, and made anew when the list of needs changes
NO_DEPS	:= clean format check-format uninstall
ifneq ($(filter-out $(NO_DEPS),$(or $(MAKECMDGOALS),all)),)
include $(B)/config.mk
endif

$(B)/config.mk: packaging/deps.sh $(OWN_SYSROOT:%=%/.made)
	$(Q)packaging/deps.sh build $(if $(CROSS),cross)
	$(Q)mkdir -p $(@D) && { \
		echo "PKG_CFLAGS := $$($(PKG_CONFIG) --cflags $(PKG))"; \
		echo "LIBS := $$($(PKG_CONFIG) --libs $(PKG))"; } > $@

$(OWN_SYSROOT:%=%/.made): packaging/deps.sh packaging/sysroot.sh
	$(call say,SYSROOT,$(@D))
	$(Q)packaging/sysroot.sh $(CROSS) $(@D) $$(packaging/deps.sh --libraries) && touch $@

$(B)/.deps-%: packaging/deps.sh
	$(Q)packaging/deps.sh $* && mkdir -p $(@D) && touch $@

# ---- the BPF object and its skeleton
BPF_CFLAGS = -g -O2 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra $(WERROR) -Wno-unused-parameter -Wno-sign-compare \
	   -Wno-gnu-variable-sized-type-not-at-end \
	   -Ibpf -Iinclude $(PKG_CFLAGS)

$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/telltale.bpf.o: $(BPF_OBJ)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/telltale.skel.h: $(B)/telltale.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name telltale_bpf > $@

# Once compiled, the .d files know who includes it.
$(filter $(B)/agent/sensor/%,$(OBJ)) $(LIVE): | $(SKEL)

# ---- the program
$(B)/telltale: $(B)/agent/main.o $(CMD_OBJ) $(B)/libtelltale.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/libtelltale.a: $(OBJ)
$(B)/libcmd.a: $(CMD_OBJ)
$(B)/%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The schema travels in the binary: each migration NNNN_name.sql becomes {NNNN, "NNNN_name", "text"}.
$(B)/store/schema.inc: $(SQL)
	$(call say,SQL,$@)
	$(Q)mkdir -p $(@D) && awk 'FNR == 1 { if (NR > 1) print "},"; \
		n = FILENAME; sub(/.*\//, "", n); sub(/\.sql$$/, "", n); printf "{ %d, \"%s\",\n", n, n } \
		{ gsub(/\\/, "&&"); gsub(/"/, "\\\\&"); print "\"" $$0 "\\n\"" } END { print "}," }' $(SQL) >$@

$(B)/agent/store/schema.o: $(B)/store/schema.inc

$(B)/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Who knows the installed paths is compiled anew when they change: `make && make install PREFIX=/usr` is right.
$(B)/.paths: FORCE
	$(Q)mkdir -p $(@D) && { echo '$(SYSCONFDIR) $(DATADIR)' | cmp -s - $@ || echo '$(SYSCONFDIR) $(DATADIR)' >$@; }

$(filter $(B)/agent/config/%,$(OBJ)): $(B)/.paths

FORCE:

# ---- tests. A unit or live test is one program; it links what it uses out of the library.
LINK_TEST = $(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Itests -MMD -MP -o $@ $< \
	   -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

$(UNIT) $(LIVE): $(B)/%: %.c $(B)/libtelltale.a | $(B)/.deps-test
	$(call say,TEST,$@)
	$(LINK_TEST) -lcmocka

$(filter $(B)/tests/unit/cmd/%,$(UNIT)): $(B)/libcmd.a

$(FIXTURES) $(BENCH): $(B)/%: %.c $(B)/libtelltale.a
	$(call say,CC,$@)
	$(LINK_TEST)

# Test subjects: small programs for telltale to watch. They are built plainly, whatever the tests are built with.
SUBJECTS := $(patsubst %.c,$(B)/%,$(filter-out %/env_go.c %/compat_arm.c,$(wildcard tests/subjects/*.c tests/subjects/agents/*.c)))
SUBJECTS += $(B)/tests/subjects/agents/package.json
SUBJECT_CC = mkdir -p $(@D) && $(CC) -std=gnu17 -D_GNU_SOURCE -O1 -g $(WARN) -Wno-write-strings $(WERROR) \
	   -Itests/subjects -o $@ $<

subjects: $(SUBJECTS) $(B)/tests/subjects/.variants

$(filter-out %.json,$(SUBJECTS)): $(B)/%: %.c tests/subjects/subject.h tests/subjects/raw.h tests/fixtures/wire.h \
		tests/fixtures/hello.h
	$(call say,SUBJECT,$@)
	$(Q)$(SUBJECT_CC) $(SUBJECT_FLAGS)

# The package.json is how the stand-in agent's version is known.
$(B)/tests/subjects/agents/package.json: tests/subjects/agents/package.json
	$(Q)$(INSTALL) -D -m 644 $< $@

$(B)/tests/subjects/content $(B)/tests/subjects/mix $(B)/tests/subjects/threads_fork $(B)/tests/subjects/exec_thread $(B)/tests/subjects/clone_odd $(B)/tests/subjects/fd_swap $(B)/tests/subjects/env_ways $(B)/tests/subjects/named $(B)/tests/subjects/lookup: SUBJECT_FLAGS := -pthread
$(B)/tests/subjects/env_uv: SUBJECT_FLAGS := -rdynamic
# Its first system call must be its own: no C library start-up, no guards.
$(B)/tests/subjects/raw_first: SUBJECT_FLAGS := -nostdlib -static -ffreestanding -fno-stack-protector $(if $(filter x86,$(BPF_ARCH)),-fcf-protection=none)

# Look-ups with other C libraries and static ones, and arm64's 32-bit calls, where this machine can build them.
VARIANT_CC = CC='$(CC)' MUSL_CC='$(if $(CROSS),,musl-gcc)' \
	   ARM_CC='$(if $(filter arm64,$(BPF_ARCH)),$(CLANG) --target=armv8a-linux-gnueabi -fuse-ld=lld)'
$(B)/tests/subjects/.variants: tests/subjects/variants.sh tests/subjects/env_lookup.c tests/subjects/env_ways.c tests/subjects/env_go.c tests/subjects/lookup.c \
		tests/subjects/compat_arm.c tests/subjects/subject.h | $(B)/.deps-test
	$(Q)mkdir -p $(@D) && $(VARIANT_CC) tests/subjects/variants.sh $(@D) && touch $@

test-programs: live-programs $(UNIT) $(FIXTURES)
live-programs: $(B)/telltale $(LIVE) subjects

# tests/run.sh says how tests report, which need root, and what counts as skipped.
check: $(B)/.deps-test
	$(Q)$(MAKE) --no-print-directory B=$(B) test-programs
	$(Q)tests/run.sh $(B) unit bpf e2e

# The live tests in other kernels, emulated: tests/vm/check.sh says how, and TT_VM_... which.
check-vm: $(B)/.deps-test
	$(Q)packaging/deps.sh vm || [ "$(CI)" != true ]
	$(Q)$(MAKE) --no-print-directory B=$(B) live-programs
	$(Q)case "$${TT_VM_KERNELS:-arm64}" in *arm64*) \
		packaging/deps.sh cross && $(MAKE) --no-print-directory ARCH=arm64 B=$(B)/arm64 live-programs || [ "$(CI)" != true ] ;; \
	esac
	$(Q)tests/vm/check.sh $(B)

check-unit: $(UNIT)
	$(Q)tests/run.sh $(B) unit

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
check-asan:
	$(Q)$(MAKE) --no-print-directory B=$(B)/asan CFLAGS='-O1 -g -fno-omit-frame-pointer $(SANITIZE)' \
		LDFLAGS='$(SANITIZE)' check-unit

# Each fuzz target runs FUZZ_SECONDS over its kept corpus. The library is built by clang, as the fuzzer needs;
# whose warnings are not ours to obey: gcc is the judge of those.
FUZZ_SECONDS ?= 20
$(FUZZ): $(B)/%: %.c $(B)/libtelltale.a
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -Wno-missing-prototypes -Itests -MMD -MP -o $@ \
		$< $(B)/libtelltale.a -pie $(LDFLAGS) $(LIBS)

fuzz-programs: $(FUZZ)

check-fuzz: $(B)/.deps-fuzz
	$(Q)$(MAKE) --no-print-directory B=$(B)/fuzz CC=$(CLANG) WERROR= LDFLAGS='$(SANITIZE)' \
		CFLAGS='-O1 -g -w -fsanitize=fuzzer-no-link $(SANITIZE)' fuzz-programs
	$(Q)tests/fuzz.sh $(B)/fuzz $(FUZZ_SECONDS)

# What it costs: docs/performance.md. CMD='...' measures one command.
export CMD UPDATE
bench: $(BENCH) $(B)/telltale
	$(Q)B=$(B) tests/bench/bench.sh

# The same in instructions, which are always as many: fails when they are more than the baseline or the limits allow.
check-cost: $(BENCH) $(B)/telltale
	$(Q)packaging/deps.sh vm || [ "$(CI)" != true ]
	$(Q)B=$(B) tests/bench/cost.sh

# Runs real, unmodified coding agents in the lab: not part of `check`, because it installs them.
check-agents: $(if $(TELLTALE_LAB_DIR),$(B)/telltale)
	$(Q)if [ -z "$(TELLTALE_LAB_DIR)" ]; then \
		echo "check-agents: skipped: set TELLTALE_LAB_DIR to a checkout of the lab"; \
	else \
		B=$(B) TELLTALE=$(abspath $(B))/telltale TELLTALE_LAB_DIR='$(TELLTALE_LAB_DIR)' tests/e2e/agents.sh; \
	fi

# Clients of all kinds, as far as they are installed, against a server that counts: docs/names.md.
check-clients: $(B)/telltale
	$(Q)B=$(B) tests/clients/clients.sh

# The newcomer's command: also with a compiler that warns about more than ours.
demo install: WERROR :=
export AGENT
demo: $(B)/telltale $(addprefix $(B)/tests/subjects/,listen agents/standin agents/package.json)
	$(Q)tests/demo.sh $(B)

# ---- formatting: other major versions of clang-format format differently
FORMATTED = $(shell git ls-files '*.c' '*.h' | grep -v vmlinux.h)
format:
	$(Q)clang-format -i $(FORMATTED)

check-format:
	$(Q)if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then \
		clang-format --dry-run -Werror $(FORMATTED) && echo "format: ok"; \
	else \
		echo "format: skipped: needs clang-format 14"; [ "$(CI)" != true ]; \
	fi

# ---- installation. Definitions go to DATADIR and are replaced; SYSCONFDIR has what an administrator edits.
MAN	:= $(wildcard docs/man/*.[1-8])
CONF	:= $(wildcard config/agents.d/*.yaml config/categories.d/*.yaml) config/risk.yaml
I	= $(DESTDIR)
INSTALL	?= install

install: $(B)/telltale
	$(Q)$(INSTALL) -D -m 755 $(B)/telltale $(I)$(BINDIR)/telltale
	$(Q)for f in $(CONF); do $(INSTALL) -D -m 644 $$f $(I)$(DATADIR)/telltale/$${f#config/}; done
	$(Q)for f in $(MAN); do $(INSTALL) -D -m 644 $$f $(I)$(DATADIR)/man/man$${f##*.}/$${f##*/}; done
	$(Q)packaging/files.sh install '$(I)' '$(BINDIR)' '$(DATADIR)' '$(LIBDIR)' '$(SYSCONFDIR)'

uninstall:
	$(Q)rm -f $(I)$(BINDIR)/telltale $(foreach f,$(MAN),$(I)$(DATADIR)/man/man$(subst .,,$(suffix $(f)))/$(notdir $(f)))
	$(Q)rm -rf $(I)$(DATADIR)/telltale
	$(Q)packaging/files.sh uninstall '$(I)' '$(BINDIR)' '$(DATADIR)' '$(LIBDIR)' '$(SYSCONFDIR)'

clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)

.PHONY: all subjects test-programs live-programs fuzz-programs check check-vm check-unit check-asan check-fuzz bench check-cost check-agents check-clients \
	demo format check-format install uninstall clean FORCE
.DELETE_ON_ERROR:
