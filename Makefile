# Bailee. `make demo` and `make check` are all a newcomer needs; both install what is missing.
#
#   make            build/bailee, and the sealed programs it starts: bailee-reader, bailee-session, bailee-container-*
#   make deps       install Debian packages that are missing
#   make demo       the main job on a sample device, shown
#   make check      every test                (VARIANT=asan: under ASan and UBSan)
#   make bench      figures as ratios in one interleaved run
#   make fuzz       libFuzzer targets, FUZZ_SECONDS each
#   make race       tests with threads, a mount and a service under load, under gcc's race detector (ONLY=pattern)
#   make soak       kill the log's writer ROUNDS times (1000), and miss nothing it acknowledged (SEED); the second
#                   verifier's test of itself
#   make mutate     break policy/rules on purpose, see what tests notice (MUTANTS=200 or all, SEED, ONLY)
#   make lint       layering, formatting, cppcheck, shell syntax
#   make install    DESTDIR, PREFIX, SBIN

VERSION = 0.1.0
PREFIX ?= /usr/local
# Where mount(8) looks for mount.TYPE, and nowhere else: who may not write there has all but mount -t bailee.
SBIN ?= /sbin
VARIANT ?= release
FUZZ_SECONDS ?= 60
CC = gcc
B = build
ifneq ($(VARIANT),release)
B = build/$(VARIANT)
endif

DEPS_BUILD = gcc make pkg-config libfuse3-dev libsodium-dev libyaml-dev libext2fs-dev libtsk-dev \
	libseccomp-dev libjansson-dev libutf8proc-dev libvectorscan-dev libssl-dev libewf-dev libqcow-dev libvmdk-dev \
	libvhdi-dev libbfio-dev libsqlite3-dev tzdata
DEPS_TEST = libcmocka-dev fuse3 e2fsprogs mtools ntfs-3g sleuthkit dosfstools fdisk mount util-linux python3 rsync \
	xz-utils sqlite3 jq minisign python3-jsonschema python3-yaml python3-nacl python3-pyte xfsprogs btrfs-progs apfsprogs squashfs-tools genisoimage ewf-tools qemu-utils \
	rsyslog rsyslog-openssl chromium poppler-utils fio less file tree nnn mc tmux bsdextrautils clang-format cppcheck libclang-rt-14-dev \
	clang-14
DEPS = $(DEPS_BUILD) $(DEPS_TEST)

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wswitch-enum -Wvla -Wpointer-arith -Wformat=2 -Wundef -Wwrite-strings -Wimplicit-fallthrough \
	-Wnull-dereference -Werror
HARDEN = -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
OPT = -O2 -g
LDHARDEN = -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifeq ($(VARIANT),asan)
OPT = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDEN = -fPIE
WARNINGS := $(filter-out -Wnull-dereference,$(WARNINGS))
LDHARDEN = -pie -fsanitize=address,undefined
endif
ifeq ($(VARIANT),tsan)
OPT = -O1 -g -fsanitize=thread -fno-omit-frame-pointer
HARDEN = -fPIE
# What it puts between a value and its use hides from gcc where the value comes from.
WARNINGS := $(filter-out -Wnull-dereference,$(WARNINGS)) -Wno-maybe-uninitialized -Wno-restrict
LDHARDEN = -pie -fsanitize=thread
endif
PKGS = fuse3 libsodium yaml-0.1 libseccomp jansson libutf8proc libhs libcrypto libssl sqlite3
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -DBAILEE_VERSION='"$(VERSION)"' \
	-DBAILEE_LIBEXEC='"$(PREFIX)/libexec/bailee"' \
	-I. $(PKG_CFLAGS) $(OPT) $(WARNINGS) $(HARDEN) -pthread $(CFLAGS)
LIBS = $(PKG_LIBS) -pthread -lm
# -ltsk first: libtsk and libext2fs both export ext2fs_open (docs/reader.md, "Traps").
READER_LIBS = -ltsk -lext2fs -lcom_err -lseccomp -lsodium -pthread

POLICY_C := $(wildcard policy/*.c policy/*/*.c policy/detect/kinds/*.c)
FS_C := $(wildcard fs/*/*.c)
CLI_C := $(wildcard fs/cli/*.c)
LIBFS_C := $(filter-out $(CLI_C),$(FS_C))
READER_C := $(wildcard fs/image/reader/*.c)
READER_MAIN = fs/image/reader/main.c
# One program for each container library: each exports a libbfio of its own, so no two of them go into one program.
CONTAINER_KINDS = ewf qcow vmdk vhd split
CONTAINER_MAINS = $(patsubst %,fs/image/container/%.c,$(CONTAINER_KINDS))
CONTAINER_C := $(filter-out $(CONTAINER_MAINS),$(wildcard fs/image/container/*.c))
CONTAINER_LIB_ewf = -lewf
CONTAINER_LIB_qcow = -lqcow
CONTAINER_LIB_vmdk = -lvmdk -lbfio
CONTAINER_LIB_vhd = -lvhdi
CONTAINER_LIB_split =
SEALED_C := $(wildcard fs/session/sealed/*.c)
UNIT_C := $(shell find tests/unit tests/fault -name '*.c' 2>/dev/null)
FUZZ_C := $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c))
BENCH_C := $(wildcard tests/bench/*.c)
HELPER_C := $(filter-out tests/tools/nolog.c tests/tools/clock-host.c tests/tools/session-trial.c tests/tools/plain.c \
	tests/tools/leaking-kernel.c,\
	$(wildcard tests/tools/*.c))

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
UNITS = $(patsubst tests/%.c,$(B)/test/%,$(UNIT_C))
REPLAYS = $(patsubst tests/fuzz/%.c,$(B)/test/replay/%,$(FUZZ_C))
BENCHES = $(patsubst tests/bench/%.c,$(B)/bench/%,$(BENCH_C))
HELPERS = $(patsubst tests/tools/%.c,$(B)/test/tools/%,$(HELPER_C)) $(B)/test/tools/bailee-nolog $(B)/test/tools/bailee-clock $(B)/test/tools/bailee-leaking \
	$(B)/test/bailee-plain $(B)/test/sealed/bailee-session $(B)/test/attacks/attack $(B)/test/attacks/preload.so
CONTAINERS = $(patsubst %,$(B)/bailee-container-%,$(CONTAINER_KINDS))
PROGRAMS = $(B)/bailee $(B)/bailee-reader $(B)/bailee-session $(CONTAINERS)

# make V=1 shows the commands.
ifeq ($(V),)
Q = @
say = @echo "$(1)  $(2)"
else
say = @:
endif

all: $(PROGRAMS)

$(B)/libpolicy.a: $(call obj,$(POLICY_C))
$(B)/libfs.a: $(call obj,$(LIBFS_C))
$(B)/libreader.a: $(call obj,$(filter-out $(READER_MAIN),$(READER_C)))
$(B)/libcontainer.a: $(call obj,$(CONTAINER_C))
$(B)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR  ,$@)
	$(Q)$(AR) rcs $@ $^

$(B)/bailee: $(call obj,$(CLI_C)) $(B)/libfs.a $(B)/libpolicy.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) $(LDFLAGS) -o $@ $^ $(LIBS)

# Under their limits no race detector runs: those beside the program that it looks at are the release's.
ifeq ($(VARIANT),tsan)
$(filter-out $(B)/bailee,$(PROGRAMS)): $(B)/%: release-programs
	@mkdir -p $(@D)
	@ln -sf ../$* $@
.PHONY: release-programs
release-programs:
	@$(MAKE) --no-print-directory VARIANT=release all
else
$(B)/bailee-reader: $(call obj,$(READER_MAIN)) $(B)/libreader.a $(B)/libpolicy.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) $(LDFLAGS) -o $@ $^ $(READER_LIBS)

# In the memory of every session twice: no library but what its steps need.
$(B)/bailee-session: $(call obj,$(SEALED_C)) $(B)/libpolicy.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) $(LDFLAGS) -o $@ $^ -lseccomp

$(CONTAINERS): $(B)/bailee-container-%: $(B)/obj/fs/image/container/%.o $(B)/libcontainer.a $(B)/libpolicy.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) $(LDFLAGS) -o $@ $^ $(CONTAINER_LIB_$*) -lseccomp
endif

# The loops over every byte gain by it, nothing else does.
ifeq ($(VARIANT),release)
$(B)/obj/policy/detect/%.o $(B)/obj/policy/mask/%.o: OPT = -O3 -g
endif
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC  ,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/test/unit/fs/image/reader/%: $(B)/obj/tests/unit/fs/image/reader/%.o $(B)/libreader.a $(B)/libpolicy.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) -o $@ $^ $(READER_LIBS) -lcmocka
# They start the programs, which lie two folders above their own.
$(B)/test/unit/fs/image/contained $(B)/test/unit/fs/image/container $(B)/test/unit/fs/image/container-hostile $(B)/test/unit/fs/image/container-refusals \
	$(B)/test/unit/fs/image/container-seal: | $(CONTAINERS)
# Three more of the program, never installed: without its log, to measure what the log costs; on another host's clocks, which a
# test moves; and on a kernel that does not keep views apart. Where both have a name the first one counts.
$(B)/test/tools/bailee-nolog: $(call obj,$(CLI_C) tests/tools/nolog.c) $(B)/libfs.a $(B)/libpolicy.a | $(B)/bailee-reader
$(B)/test/tools/bailee-clock: $(call obj,$(CLI_C) tests/tools/clock-host.c) $(B)/libfs.a $(B)/libpolicy.a | $(B)/bailee-reader
$(B)/test/tools/bailee-leaking: $(call obj,$(CLI_C) tests/tools/leaking-kernel.c) $(B)/libfs.a $(B)/libpolicy.a | $(B)/bailee-reader
$(B)/test/tools/bailee-nolog $(B)/test/tools/bailee-clock $(B)/test/tools/bailee-leaking:
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) $(LDFLAGS) -o $@ $^ $(LIBS)
	@ln -sf ../../bailee-reader $(@D)/bailee-reader
	@ln -sf ../../bailee-session $(@D)/bailee-session
# The image and serve parts behind a gate that lets everything pass (tests/tools/plain.c), to compare with the kernel's own.
$(B)/test/bailee-plain: $(call obj,tests/tools/plain.c) $(B)/libfs.a $(B)/libpolicy.a | $(B)/bailee-reader
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) $(LDFLAGS) -o $@ $^ $(LIBS)
# One more bailee-session, which a test can take a step away from (tests/tools/session-trial.c), with a bailee beside it that starts it.
$(B)/test/sealed/bailee-session: $(call obj,$(filter-out fs/session/sealed/trial.c,$(SEALED_C)) tests/tools/session-trial.c) \
	$(B)/libpolicy.a $(B)/bailee | $(B)/bailee-reader $(CONTAINERS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lseccomp
	@ln -f $(B)/bailee $(@D)/bailee
	@ln -sf $(patsubst $(B)/%,../../%,$(B)/bailee-reader $(CONTAINERS)) $(@D)
# The report's page belongs to the program, which is in no library.
$(B)/test/tools/report-page: $(call obj,$(wildcard fs/cli/report-log-*.c))
$(B)/test/tools/%: $(B)/obj/tests/tools/%.o $(B)/libfs.a $(B)/libpolicy.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)
# What runs inside sealed sessions, under their limits: never with a sanitizer.
$(B)/test/attacks/attack: $(filter-out tests/attacks/preload.c,$(wildcard tests/attacks/*.c)) tests/attacks/attack.h
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -O2 -g $(WARNINGS) -Wno-format-truncation -o $@ $(filter %.c,$^)
$(B)/test/attacks/preload.so: tests/attacks/preload.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=c17 -O2 -fPIC -shared $(WARNINGS) -o $@ $^
# Images broken where it matters: what they lie in is assembled into the program.
$(B)/obj/tests/fuzz/images/broken-image.o $(B)/fuzz/obj/tests/fuzz/images/broken-image.o: \
	$(filter-out %.c %.h %.sh,$(wildcard tests/fuzz/images/*))
$(B)/test/unit/fs/image/broken: $(call obj,tests/fuzz/images/broken-image.c) | $(B)/bailee-reader
$(B)/test/unit/fs/image/reader/faults: $(call obj,tests/fuzz/images/broken-image.c)
$(B)/test/replay/reader: $(call obj,tests/fuzz/reader.c tests/fuzz/replay.c tests/fuzz/images/broken-image.c) $(B)/libreader.a \
	$(B)/libpolicy.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) -o $@ $^ $(READER_LIBS)
$(B)/test/replay/%: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/fuzz/replay.o $(B)/libfs.a $(B)/libpolicy.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) -o $@ $^ $(LIBS)
$(B)/test/%: $(B)/obj/tests/%.o $(B)/libfs.a $(B)/libpolicy.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) -o $@ $^ $(LIBS) -lcmocka
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/libfs.a $(B)/libpolicy.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LDHARDEN) -o $@ $^ $(LIBS)
# Fuzz targets have objects of their own, made once by clang with its coverage.
FUZZ_CFLAGS = -std=c17 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -DBAILEE_VERSION='"fuzz"' -DBAILEE_LIBEXEC='""' \
	-I. $(PKG_CFLAGS) -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -pthread
$(B)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC  ,$< for fuzzing)
	$(Q)clang-14 $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/fuzz/all.a: $(patsubst %.c,$(B)/fuzz/obj/%.o,$(POLICY_C) $(LIBFS_C))
$(B)/fuzz/reader: $(patsubst %.c,$(B)/fuzz/obj/%.o,tests/fuzz/reader.c tests/fuzz/images/broken-image.c \
	$(filter-out $(READER_MAIN),$(READER_C))) $(B)/fuzz/all.a
	$(call say,LINK,$@)
	$(Q)clang-14 -fsanitize=fuzzer,address,undefined -o $@ $^ $(READER_LIBS)
$(B)/fuzz/%: $(B)/fuzz/obj/tests/fuzz/%.o $(B)/fuzz/all.a
	$(call say,LINK,$@)
	$(Q)clang-14 -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)

.SECONDARY:
.PHONY: all deps demo check units bench accuracy fuzz race soak mutate lint format install uninstall clean

deps:
	@sh tests/deps.sh $(DEPS)

units: $(UNITS) $(REPLAYS) $(HELPERS)

# Packages come first, then a fresh make sees the new pkg-config answers.
demo: deps
	@$(MAKE) --no-print-directory all
	@sh examples/demo.sh $(abspath $(B))

check: deps
	@$(MAKE) --no-print-directory all units
	@sh tests/run.sh $(abspath $(B))

bench: deps
	@$(MAKE) --no-print-directory all $(BENCHES) $(HELPERS)
	@sh tests/bench/run.sh $(abspath $(B))

accuracy: deps
	@$(MAKE) --no-print-directory $(B)/test/tools/mask-files
	@sh tests/accuracy/run.sh $(abspath $(B))

fuzz: deps
	@$(MAKE) --no-print-directory $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_C))
	@sh tests/fuzz/run.sh $(abspath $(B)) $(FUZZ_SECONDS)

race: deps
	@$(MAKE) --no-print-directory VARIANT=tsan all units
	@sh tests/race.sh $(abspath build/tsan)

soak: deps
	@$(MAKE) --no-print-directory $(B)/test/tools/log-kill
	@$(B)/test/tools/log-kill $(or $(ROUNDS),1000) $(SEED)
	@/usr/bin/python3 tests/tools/verify-log-test.py

mutate: deps
	@sh tests/mutate.sh

lint: deps
	@sh tests/lint.sh

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

install: all
	install -D -m 0755 $(B)/bailee $(DESTDIR)$(PREFIX)/bin/bailee
	install -D -m 0755 $(B)/bailee-reader $(DESTDIR)$(PREFIX)/libexec/bailee/bailee-reader
	install -D -m 0755 $(B)/bailee-session $(DESTDIR)$(PREFIX)/libexec/bailee/bailee-session
	-install -d $(DESTDIR)$(SBIN) && for type in bailee fuse.bailee; do \
		ln -sf $(PREFIX)/bin/bailee $(DESTDIR)$(SBIN)/mount.$$type || exit 1; done
	for kind in $(CONTAINER_KINDS); do install -D -m 0755 $(B)/bailee-container-$$kind \
		$(DESTDIR)$(PREFIX)/libexec/bailee/bailee-container-$$kind || exit 1; done
	install -D -m 0644 docs/bailee.1 $(DESTDIR)$(PREFIX)/share/man/man1/bailee.1
	install -D -m 0644 docs/bailee-policy.5 $(DESTDIR)$(PREFIX)/share/man/man5/bailee-policy.5
	install -D -m 0644 contrib/bailee.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/bailee
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in bailee bailee-ship; do sed 's|@PREFIX@|$(PREFIX)|' contrib/$$unit.service | install -m 0644 /dev/stdin \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit.service || exit 1; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/bailee $(DESTDIR)$(PREFIX)/libexec/bailee/bailee-reader \
		$(DESTDIR)$(PREFIX)/libexec/bailee/bailee-session \
		$(DESTDIR)$(SBIN)/mount.bailee $(DESTDIR)$(SBIN)/mount.fuse.bailee \
		$(patsubst %,$(DESTDIR)$(PREFIX)/libexec/bailee/bailee-container-%,$(CONTAINER_KINDS)) \
		$(DESTDIR)$(PREFIX)/share/man/man1/bailee.1 \
		$(DESTDIR)$(PREFIX)/share/man/man5/bailee-policy.5 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bailee \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/bailee.service \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/bailee-ship.service

clean:
	rm -rf build

-include $(shell find $(B)/obj $(B)/fuzz/obj -name '*.d' 2>/dev/null)
