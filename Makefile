# SPDX-License-Identifier: Apache-2.0
# Telltale. Everything is built under build/; V=1 shows the commands; README.md says what to call.

B	?= build
CC	?= cc
CLANG	?= clang
BPFTOOL	?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKG	:= libbpf libelf zlib sqlite3 yaml-0.1 libpcre2-8 jansson libcap libxxhash

PREFIX	?= /usr/local
SYSCONFDIR ?= /etc
DATADIR	?= $(PREFIX)/share

WARN	:= -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	   -Wwrite-strings -Wvla -Wimplicit-fallthrough -Wformat=2 -Wno-unused-parameter
HARDEN	:= -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
CFLAGS	?= -O2 -g
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(WARN) $(HARDEN) $(CFLAGS) -Iagent -Iinclude -I$(B) \
	   -DTT_SYSCONFDIR='"$(SYSCONFDIR)"' -DTT_DATADIR='"$(DATADIR)"' $(shell pkg-config --cflags $(PKG))
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBS	:= $(shell pkg-config --libs $(PKG))

Q	:= $(if $(V),,@)
say	= $(if $(V),,@printf '  %-8s%s\n' '$(1)' '$(2)')

SRC	:= $(filter-out agent/main.c agent/cmd/%,$(wildcard agent/*/*.c))
CMD_SRC	:= agent/main.c $(wildcard agent/cmd/*.c)
OBJ	:= $(SRC:%.c=$(B)/%.o)
CMD_OBJ	:= $(CMD_SRC:%.c=$(B)/%.o)
SQL	:= $(sort $(wildcard agent/store/schema/*.sql))
UNIT	:= $(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/*.c))

all: $(B)/telltale

$(B)/telltale: $(CMD_OBJ) $(B)/libtelltale.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/libtelltale.a: $(OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# A unit test is one program; it links what it uses out of the library.
$(B)/tests/unit/%: tests/unit/%.c $(B)/libtelltale.a
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Itests -MMD -MP -o $@ $< $(B)/libtelltale.a $(LIBS) -lcmocka

check-unit: $(UNIT)
	$(Q)for t in $(UNIT); do ./$$t || exit 1; done

clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all check-unit clean
.DELETE_ON_ERROR:
