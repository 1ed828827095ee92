/*
 * A lane of the reader while one allocation after the other fails, in it and in the libraries that parse, or one call to the kernel: what
 * it sends and receives. Every answer is that of a run without a fault, or an error, or the reader dies (libtsk and libext2fs may), which
 * its parent survives. Never other bytes, never a folder with less in it. Asked again, the same. SWEEP=all tries all.
 */
#include "tests/unit/fs/image/reader/make-apfs.h"
#include "tests/unit/fs/image/reader/tiny-parent.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/image/reader/reader.h"
#include "tests/fault/failing-calls.h"
#include "tests/fuzz/images/broken-image.h"

#include <sodium.h>

#define ANSWERS 400
#define SOME	120 /* allocations, and as many calls, of one image, when SWEEP is not all */

static const char *const KINDS[] = {[FAULT_MEMORY] = "allocation", [FAULT_CALL] = "call"};

struct answer {
	uint16_t op;
	uint64_t inode;
	int error;
	uint8_t digest[16];
};

struct bench {
	const char *name;
	struct parent parent;
	struct answer clean[ANSWERS], now[ANSWERS];
	size_t clean_count, count;
	unsigned deaths, errors;
	enum fault_kind kind;
	long at;
	uint64_t folders[64];
	size_t folder_count;
};

static char folder[] = "/tmp/bailee-faults-XXXXXX";

/* ---- the reader: a lane in a child ---------------------------------------------------------------- */

static void lane_begin(struct bench *bench, int image, uint64_t image_bytes)
{
	static const uint8_t KEY[READER_KEY] = {1};
	struct parent *parent = &bench->parent;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	*parent = (struct parent){.image = image, .image_bytes = image_bytes};
	parent->sockets[0] = pair[0];
	parent->data[0] =
		mmap(NULL, WIRE_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	parent->window[0] =
		mmap(NULL, WIRE_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(parent->data[0] != MAP_FAILED && parent->window[0] != MAP_FAILED);
	parent->pid = fork();
	assert_true(parent->pid >= 0);
	if (parent->pid > 0) {
		close(pair[1]);
		return;
	}
	close(pair[0]);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL); /* cmocka's would go on with the tests in here */
	faults_arm(bench->kind, bench->at);
	faults_on();
	struct lane *lane = lane_new(pair[1], parent->data[0], parent->window[0], image_bytes, KEY);
	int end = lane ? lane_serve(lane) : ENOMEM;

	faults_off();
	lane_free(lane);
	if (getenv("SWEEP_SAY") && atomic_load(&faults.has_failed))
		backtrace_symbols_fd(faults.trace, faults.depth, 2);
	/* How many there were, for the parent to count; it may still look at the last answer. */
	memcpy(parent->window[0], &faults.left, sizeof(long));
	_exit(end ? 1 : 0);
}

static void lane_end(struct bench *bench)
{
	struct parent *parent = &bench->parent;

	close(parent->sockets[0]);
	if (!parent->is_dead)
		waitpid(parent->pid, &parent->wait_status, 0);
	parent->is_dead = true;
}

static void lane_unmap(struct bench *bench)
{
	munmap(bench->parent.data[0], WIRE_WINDOW);
	munmap(bench->parent.window[0], WIRE_WINDOW);
}

/* ---- asking ------------------------------------------------------------------------------------------ */

/* Attributes that a listing lacks are asked for: WIRE_STAT. */
static void forget_attributes(uint8_t *page, uint64_t length)
{
	struct wire_entry entry;

	for (uint64_t at = 0; at + sizeof(entry) <= length; at += entry.record_length) {
		memcpy(&entry, page + at, sizeof(entry));
		entry.has_attr = 0;
		entry.attr = (struct wire_attr){0};
		memcpy(page + at, &entry, sizeof(entry));
	}
}

static int ask(struct bench *bench, enum wire_op op, uint64_t inode, uint64_t length)
{
	struct wire_message message = {.op = (uint16_t)op, .inode = inode, .length = length}, reply;
	int error = bench->parent.is_dead ? -1 : parent_ask(&bench->parent, 0, message, &reply);
	struct answer *answer = &bench->now[bench->count];

	if (bench->count == ANSWERS)
		fail_msg("too many answers");
	bench->count++;
	*answer = (struct answer){.op = (uint16_t)op, .inode = inode, .error = error};
	if (!error && op == WIRE_STAT) /* a hint: it may be missing */
		((struct wire_attr *)(void *)bench->parent.data[0])->lies_at = 0;
	if (!error && op == WIRE_LIST)
		forget_attributes(bench->parent.data[0], reply.length);
	if (!error)
		crypto_generichash(answer->digest, sizeof(answer->digest), bench->parent.data[0],
				   reply.length, NULL, 0);
	return error ? -1 : (int)reply.length;
}

/* Of what is listed in a page: its files are looked at, its folders noted. */
static void ask_entries(struct bench *bench, int length)
{
	BL_CLEANUP(bl_free) uint8_t *page = malloc((size_t)length + 1);
	struct wire_entry entry;

	if (!page)
		abort();
	memcpy(page, bench->parent.data[0], (size_t)length);
	for (int at = 0; at + (int)sizeof(entry) <= length; at += entry.record_length) {
		memcpy(&entry, page + at, sizeof(entry));
		struct wire_attr attr;

		assert_int_equal(ask(bench, WIRE_STAT, entry.inode, 0), sizeof(attr));
		memcpy(&attr, bench->parent.data[0], sizeof(attr));
		if (S_ISDIR(attr.mode) && bench->folder_count < BL_COUNT(bench->folders))
			bench->folders[bench->folder_count++] = entry.inode;
		if (S_ISREG(attr.mode)) {
			ask(bench, WIRE_MAP, entry.inode, 0);
			ask(bench, WIRE_READ, entry.inode, WIRE_UNIT);
		} else if (S_ISLNK(attr.mode)) {
			ask(bench, WIRE_LINK, entry.inode, 0);
		}
	}
}

static uint64_t root_of(const struct bench *bench)
{
	struct wire_volume volume;

	memcpy(&volume, bench->parent.data[0], sizeof(volume));
	return volume.root;
}

/* What is to be asked is found out once, and asked again in the same order. */
static void find_questions(struct bench *bench)
{
	assert_true(ask(bench, WIRE_OPEN, 0, 0) > 0);
	bench->folders[0] = root_of(bench);
	bench->folder_count = 1;
	for (size_t i = 0; i < bench->folder_count; i++) {
		int length = ask(bench, WIRE_LIST, bench->folders[i], 0);

		assert_true(length >= 0);
		ask_entries(bench, length);
	}
	memcpy(bench->clean, bench->now, sizeof(bench->clean));
	bench->clean_count = bench->count;
}

static bool is_unreadable(const struct bench *bench)
{
	struct wire_volume volume;

	memcpy(&volume, bench->parent.data[0], sizeof(volume));
	return !volume.is_readable && volume.notice[0];
}

static void ask_all(struct bench *bench)
{
	bench->count = 0;
	for (size_t i = 0; i < bench->clean_count; i++) {
		const struct answer *clean = &bench->clean[i], *now = &bench->now[i];

		ask(bench, (enum wire_op)clean->op, clean->inode,
		    clean->op == WIRE_READ ? WIRE_UNIT : 0);
		bool is_same = now->error == clean->error &&
			       memcmp(now->digest, clean->digest, sizeof(now->digest)) == 0;
		bool is_error = now->error < 0 || now->error == EIO || now->error == ENOMEM;

		bench->errors += !is_same;
		if (is_same || is_error || (clean->op == WIRE_OPEN && is_unreadable(bench)))
			continue;
		fail_msg("%s, %s %ld: op %u of inode %llu: error %d, not %d, or other bytes",
			 bench->name, KINDS[bench->kind], bench->at, clean->op,
			 (unsigned long long)clean->inode, now->error, clean->error);
	}
}

/* A run in which nothing fails: what is asked, and how often something could have. */
static long run_clean(struct bench *bench, int image, uint64_t bytes, bool is_first)
{
	long left;

	bench->at = LONG_MAX;
	bench->errors = bench->deaths = 0;
	lane_begin(bench, image, bytes);
	if (is_first) {
		bench->count = 0;
		find_questions(bench);
	}
	ask_all(bench);
	assert_int_equal(bench->errors, 0);
	lane_end(bench);
	memcpy(&left, bench->parent.window[0], sizeof(left));
	lane_unmap(bench);
	return LONG_MAX - left;
}

static void sweep_kind(struct bench *bench, enum fault_kind kind, int image, uint64_t bytes)
{
	bench->kind = kind;
	long total = run_clean(bench, image, bytes, kind == FAULT_MEMORY), tried = 0;
	long step = BL_MAX(1, getenv("SWEEP") ? 1 : total / SOME);

	for (long at = 0; at < total; at += step, tried++) {
		bench->at = step == 1 ? at : at + random() % step;
		lane_begin(bench, image, bytes);
		ask_all(bench);
		ask_all(bench);
		bench->deaths += bench->parent.is_dead;
		lane_end(bench);
		lane_unmap(bench);
	}
	print_message("%s: %ld of %ld %ss failed: %u answers were errors, %u times the reader "
		      "ended\n",
		      bench->name, tried, total, KINDS[kind], bench->errors, bench->deaths);
	assert_true(tried > 10);
	/* Whoever cannot say something says nothing more. */
	if (kind == FAULT_CALL)
		assert_true(bench->deaths > 0);
}

static void sweep_image(const char *name)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	char path[128];
	struct stat st;

	if (!bench)
		abort();
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	BL_CLEANUP(fd_close) int image = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(image >= 0 && fstat(image, &st) == 0);
	bench->name = name;
	sweep_kind(bench, FAULT_MEMORY, image, (uint64_t)st.st_size);
	sweep_kind(bench, FAULT_CALL, image, (uint64_t)st.st_size);
	free(bench);
}

/* ---- images ------------------------------------------------------------------------------------------ */

static const char TREE[] =
	"mkdir -p src/dir/sub && printf 'small\\n' > src/small && seq 1 60000 > src/large && "
	"i=0; while [ $i -lt 60 ]; do echo $i > src/dir/file-with-a-name-$i; i=$((i+1)); done; "
	"echo deep > src/dir/sub/deep; ln -s small src/link";
static const struct {
	const char *name, *make;
} IMAGES[] = {
	{"ext4", "truncate -s 4M ext4 && mke2fs -q -t ext4 -O inline_data -I 256 -d src ext4"},
	{"ext2", "truncate -s 4M ext2 && mke2fs -q -t ext2 -d src ext2"},
	{"fat16", "truncate -s 16M fat16 && mkfs.fat -F 16 fat16 && rm src/link && "
		  "mcopy -s -i fat16 src/* ::; r=$?; ln -s small src/link; exit $r"},
	{"ntfs", "truncate -s 16M ntfs && mkntfs -F -Q ntfs && "
		 "ntfscp ntfs src/small small && ntfscp ntfs src/large large"},
	{"hfs+", "cp $SHARED/dfvfs-hfsplus.raw hfs+"},
};
/* Of the fuzz targets': what makes them needs root. */
static const char *const PACKED[] = {"exfat", "iso9660"};

static bool make(const char *script)
{
	char line[2000];

	snprintf(line, sizeof(line),
		 "cd %s && export PATH=$PATH:/sbin:/usr/sbin MTOOLS_SKIP_CHECK=1 && (%s) "
		 ">/dev/null 2>&1",
		 folder, script);
	return system(line) == 0;
}

static void put(const char *name, const void *bytes, size_t length)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	BL_CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
}

static void put_packed(const char *name)
{
	uint8_t index = 0;
	size_t length;

	while (strcmp(broken_image_name(index), name) != 0)
		assert_true(++index < broken_image_count());
	const uint8_t *bytes = broken_image_make(&index, 1, &length);

	assert_non_null(bytes);
	put(name, bytes, length);
}

static void put_apfs(void)
{
	static uint8_t image[APFS_BLOCKS * AB];

	apfs_make(image, false);
	put("apfs", image, sizeof(image));
}

static void without_memory_or_its_parent_a_reader_says_so_or_ends(void **state)
{
	char shared[4096] = "";
	size_t made = 0;

	(void)state;
	if (FAULTS_IN_THE_WAY)
		skip();
	assert_non_null(mkdtemp(folder));
	assert_true(make(TREE));
	if (realpath("../shared/images/images", shared))
		assert_int_equal(setenv("SHARED", shared, 1), 0);
	for (size_t i = 0; i < BL_COUNT(PACKED); i++) {
		put_packed(PACKED[i]);
		sweep_image(PACKED[i]);
	}
	put_apfs();
	sweep_image("apfs");
	for (size_t i = 0; i < BL_COUNT(IMAGES); i++) {
		if (!make(IMAGES[i].make))
			continue; /* a tool is missing */
		sweep_image(IMAGES[i].name);
		made++;
	}
	char line[100];

	snprintf(line, sizeof(line), "rm -rf %s", folder);
	assert_int_equal(system(line), 0);
	print_message("%zu of %zu that tools make\n", made, BL_COUNT(IMAGES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_or_its_parent_a_reader_says_so_or_ends),
	};

	setenv("TZ", "UTC0", 1);
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
