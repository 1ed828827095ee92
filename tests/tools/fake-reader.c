/* fake-reader.c - a bailee-reader that lies, hangs or dies as the image tells it to (fake-reader.h) */
#include "tests/tools/fake-reader.h"

#include "fs/image/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct lane {
	int socket;
	uint8_t *data, *blocks;
};

struct fake {
	struct lane lanes[WIRE_LANES];
	struct fake_script script;
	uint32_t start;
};

static void say(const struct lane *lane, const struct wire_message *message, size_t length)
{
	uint8_t bytes[sizeof(*message) + 64] = {0};

	memcpy(bytes, message, sizeof(*message));
	if (send(lane->socket, bytes, length, MSG_NOSIGNAL) < 0)
		_exit(3);
}

static int block(const struct lane *lane, uint64_t offset, uint64_t length)
{
	struct wire_message message = {
		.magic = WIRE_MAGIC, .op = WIRE_BLOCK, .offset = offset, .length = length};

	say(lane, &message, sizeof(message));
	if (recv(lane->socket, &message, sizeof(message), 0) != (ssize_t)sizeof(message))
		_exit(4);
	return message.error;
}

static void load_script(struct fake *fake)
{
	if (block(&fake->lanes[0], 0, FAKE_SCRIPT_BYTES) != 0)
		_exit(5);
	memcpy(&fake->script, fake->lanes[0].blocks, sizeof(fake->script));
	if (fake->script.magic != FAKE_MAGIC)
		_exit(6);
	int fd = open(fake->script.state, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;
	if (fd < 0 || write(fd, "s", 1) != 1 || fstat(fd, &st) < 0)
		_exit(7);
	fake->start = (uint32_t)st.st_size;
	close(fd);
}

static void hang(const struct fake *fake)
{
	char path[sizeof(fake->script.state) + 8];

	snprintf(path, sizeof(path), "%s.hung", fake->script.state);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "h", 1) != 1)
		_exit(7);
	for (;;)
		pause();
}

static void put_volume(uint8_t *at, const struct fake *fake, bool is_other)
{
	struct wire_volume volume = {
		.offset = FAKE_VOLUME_OFFSET,
		.length = FAKE_IMAGE_BYTES - FAKE_VOLUME_OFFSET,
		.root = FAKE_ROOT,
		.number = 1,
		.is_readable = 1,
		.type = "ext4",
	};

	(void)fake;
	memset(volume.digest, is_other ? 7 : 6, sizeof(volume.digest));
	memcpy(at, &volume, sizeof(volume));
}

static size_t put_entry(uint8_t *at, uint64_t inode, const char *name, size_t length)
{
	struct wire_entry entry = {
		.inode = inode,
		.has_attr = 1,
		.attr = {.mode = S_IFREG | 0644, .nlink = 1, .size_bytes = 1},
		.name_length = (uint16_t)length,
		.record_length = (uint16_t)((sizeof(entry) + length + 7) / 8 * 8),
	};

	memset(at, 0, entry.record_length);
	memcpy(at, &entry, sizeof(entry));
	memcpy(at + sizeof(entry), name, length);
	return entry.record_length;
}

static void list_root(const struct lane *lane, struct wire_message *answer)
{
	size_t used = 0;

	used += put_entry(lane->data + used, FAKE_FILE, "file", 4);
	used += put_entry(lane->data + used, FAKE_SMALL, "small", 5);
	used += put_entry(lane->data + used, FAKE_LINK, "link", 4);
	answer->length = used;
	answer->offset = 0;
}

static void list_many(const struct lane *lane, struct wire_message *answer, uint64_t total)
{
	size_t used = 0;
	uint64_t at = answer->offset;

	for (uint64_t i = 0; i < 1000 && at < total; i++, at++) {
		char name[32];
		int length = snprintf(name, sizeof(name), "entry-%llu", (unsigned long long)at);

		used += put_entry(lane->data + used, 1000 + at, name, (size_t)length);
	}
	answer->length = used;
	answer->offset = at < total ? at : 0;
}

static void stat_inode(const struct lane *lane, struct wire_message *answer)
{
	struct wire_attr attr = {.nlink = 1, .mode = S_IFREG | 0600};

	switch (answer->inode) {
	case FAKE_FILE:
		attr.size_bytes = FAKE_FILE_BYTES;
		break;
	case FAKE_SMALL:
		attr.size_bytes = FAKE_SMALL_BYTES;
		break;
	case FAKE_LINK:
		attr.mode = S_IFLNK | 0777;
		break;
	case FAKE_ROOT:
	case FAKE_BIG_DIR:
		attr.mode = S_IFDIR | 0755;
		break;
	default:
		answer->error = ENOENT;
		return;
	}
	memcpy(lane->data, &attr, sizeof(attr));
	answer->length = sizeof(attr);
}

static void put_runs(const struct lane *lane, struct wire_message *answer,
		     const struct wire_run *runs, size_t count)
{
	memcpy(lane->data, runs, count * sizeof(*runs));
	answer->length = count * sizeof(*runs);
	answer->offset = 0;
}

static void map_inode(const struct lane *lane, struct wire_message *answer)
{
	static const struct wire_run RUNS[] = {
		{0, 8192, 4096}, {4096, 12288, 4096}, {16384, 65536, 8192}, {32768, 4096, 8192}};

	if (answer->inode == FAKE_FILE)
		put_runs(lane, answer, RUNS, sizeof(RUNS) / sizeof(RUNS[0]));
	else
		answer->error = ENODATA;
}

static void place_inode(const struct lane *lane, struct wire_message *answer)
{
	static const struct wire_run RUNS[] = {{0, 4096, 8192}, {0, 12288, 4096}, {0, 65536, 8192}};

	if (answer->inode == FAKE_FILE)
		put_runs(lane, answer, RUNS, sizeof(RUNS) / sizeof(RUNS[0]));
	else
		answer->error = EOPNOTSUPP;
}

/* Three pages: a run, nothing, and one that touches the first. */
static void used_pages(const struct lane *lane, struct wire_message *answer)
{
	static const struct wire_run FIRST = {0, 4096, 4096}, LAST = {0, 8192, 100};

	if (answer->offset == 0) {
		put_runs(lane, answer, &FIRST, 1);
		answer->offset = 10;
	} else if (answer->offset == 10) {
		answer->length = 0;
		answer->offset = 20;
	} else {
		put_runs(lane, answer, &LAST, 1);
	}
}

static void read_inode(const struct lane *lane, struct wire_message *answer, uint8_t salt)
{
	for (uint64_t i = 0; i < answer->length; i++)
		lane->data[i] = (uint8_t)((answer->offset + i) * 7 + salt);
}

/* One attribute, its record longer or shorter by @more than it ought to be. */
static void put_xattr(const struct lane *lane, struct wire_message *answer, const char *name,
		      size_t name_length, size_t value_length, int more)
{
	size_t whole = (sizeof(struct wire_xattr) + name_length + value_length + 7) / 8 * 8;
	struct wire_xattr xattr = {.name_length = (uint32_t)name_length,
				   .value_length = (uint32_t)value_length,
				   .record_length = whole + (uint64_t)(int64_t)more};

	memset(lane->data, 'v', whole);
	memcpy(lane->data, &xattr, sizeof(xattr));
	memcpy(lane->data + sizeof(xattr), name, name_length);
	answer->length = whole;
}

static bool is_faulty(const struct fake *fake, const struct wire_message *asked)
{
	const struct fake_script *s = &fake->script;

	if (s->fault == FAKE_GOOD)
		return false;
	if (s->to_start && (fake->start < s->from_start || fake->start > s->to_start))
		return false;
	if (s->volumes && s->fault != FAKE_OPEN_ENDS && asked->op != WIRE_OPEN &&
	    !(s->volumes >> asked->volume & 1))
		return false;
	if (s->op ? s->op != asked->op : asked->op == WIRE_OPEN)
		return false;
	return s->inode == 0 || s->inode == asked->inode;
}

/* Says which volume it is at, and dies there. */
static void open_all(const struct fake *fake, const struct lane *lane, struct wire_message *m)
{
	for (uint32_t i = 0; i < FAKE_OPEN_VOLUMES; i++) {
		struct wire_volume volume = {
			.offset = FAKE_VOLUME_OFFSET * (i + 1),
			.length = FAKE_VOLUME_OFFSET,
			.root = FAKE_ROOT,
			.number = i + 1,
			.is_readable = !(m->offset >> i & 1),
			.type = "ext4",
		};
		uint32_t at = i + 1;

		if (i == 0 && fake->script.fault == FAKE_OTHER_VOLUME && is_faulty(fake, m))
			volume.digest[0] = 1;
		memcpy(lane->data + WIRE_OPENING, &at, sizeof(at));
		if ((fake->script.fault == FAKE_OPEN_ENDS && volume.is_readable &&
		     (fake->script.volumes >> i & 1)) ||
		    (fake->script.fault == FAKE_OPEN_TURNS && i == fake->start % 2))
			_exit(9);
		memcpy(lane->data + i * sizeof(volume), &volume, sizeof(volume));
	}
	m->length = FAKE_OPEN_VOLUMES * sizeof(struct wire_volume);
}

static void answer_good(const struct fake *fake, const struct lane *lane, struct wire_message *m)
{
	switch ((enum wire_op)m->op) {
	case WIRE_OPEN:
		if (fake->script.volumes) {
			open_all(fake, lane, m);
			break;
		}
		put_volume(lane->data, fake, false);
		m->length = sizeof(struct wire_volume);
		break;
	case WIRE_LIST:
		if (m->inode == FAKE_ROOT)
			list_root(lane, m);
		else if (m->inode == FAKE_BIG_DIR)
			list_many(lane, m, FAKE_BIG_ENTRIES);
		else
			m->error = ENOTDIR;
		break;
	case WIRE_STAT:
		stat_inode(lane, m);
		break;
	case WIRE_MAP:
		map_inode(lane, m);
		break;
	case WIRE_READ:
		read_inode(lane, m, 0);
		break;
	case WIRE_PLACES:
		place_inode(lane, m);
		break;
	case WIRE_USED:
		used_pages(lane, m);
		break;
	case WIRE_LINK:
		if (m->inode != FAKE_LINK) {
			m->error = EINVAL;
			break;
		}
		m->length = strlen(FAKE_LINK_TARGET);
		memcpy(lane->data, FAKE_LINK_TARGET, m->length);
		break;
	case WIRE_XATTRS:
		put_xattr(lane, m, "user.origin", 11, 4, 0);
		break;
	case WIRE_READY:
	case WIRE_BLOCK:
		_exit(8);
	}
}

/* Where a file in one piece cannot lie. */
static bool answer_bad_place(const struct fake *fake, const struct lane *lane,
			     struct wire_message *m)
{
	static const struct {
		uint32_t fault;
		uint64_t at;
	} ROWS[] = {
		{FAKE_LIES_OUTSIDE, FAKE_IMAGE_BYTES - FAKE_FILE_BYTES + 1},
		{FAKE_LIES_BEFORE, FAKE_VOLUME_OFFSET - 1},
		{FAKE_LIES_OVERFLOW, UINT64_MAX - 100},
	};
	struct wire_attr attr = {.mode = S_IFREG, .size_bytes = FAKE_FILE_BYTES};

	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
		if (ROWS[i].fault == fake->script.fault) {
			attr.lies_at = ROWS[i].at;
			memcpy(lane->data, &attr, sizeof(attr));
			m->length = sizeof(attr);
			return true;
		}
	return false;
}

static bool answer_bad_xattr(const struct fake *fake, const struct lane *lane,
			     struct wire_message *m)
{
	switch (fake->script.fault) {
	case FAKE_XATTR_NUL:
		put_xattr(lane, m, "user.\0", 6, 4, 0);
		return true;
	case FAKE_XATTR_UNNAMED:
		put_xattr(lane, m, "", 0, 4, 0);
		return true;
	case FAKE_XATTR_HUGE:
		put_xattr(lane, m, "user.a", 6, 65537, 0);
		return true;
	case FAKE_XATTR_OUTSIDE:
		put_xattr(lane, m, "user.a", 6, 4, 8);
		return true;
	case FAKE_XATTR_SHORT:
		put_xattr(lane, m, "user.a", 6, 100, -104);
		return true;
	case FAKE_XATTR_STUCK:
		put_xattr(lane, m, "user.a", 6, 4, -32);
		return true;
	default:
		return false;
	}
}

static const struct {
	uint32_t fault;
	size_t count;
	struct wire_run runs[2];
} BAD_MAPS[] = {
	{FAKE_MAP_OUTSIDE, 1, {{0, FAKE_IMAGE_BYTES - 4096, 8192}}},
	{FAKE_MAP_BEFORE, 1, {{0, 0, 4096}}},
	{FAKE_MAP_OVERLAP, 2, {{0, 8192, 8192}, {4096, 65536, 4096}}},
	{FAKE_MAP_OVERFLOW, 1, {{4096, UINT64_MAX - 100, 8192}}},
	{FAKE_MAP_UNSORTED, 2, {{8192, 8192, 4096}, {0, 65536, 4096}}},
	{FAKE_MAP_EMPTY_RUN, 1, {{0, 8192, 0}}},
	{FAKE_PLACES_OUTSIDE, 1, {{0, FAKE_IMAGE_BYTES - 4096, 8192}}},
	{FAKE_PLACES_BEFORE, 1, {{0, 0, 8192}}},
	{FAKE_PLACES_OVERLAP, 2, {{0, 8192, 8192}, {0, 12288, 4096}}},
	{FAKE_PLACES_OVERFLOW, 1, {{0, UINT64_MAX - 100, 8192}}},
	{FAKE_PLACES_UNSORTED, 2, {{0, 65536, 4096}, {0, 8192, 4096}}},
	{FAKE_PLACES_EMPTY_RUN, 1, {{0, 8192, 0}}},
	{FAKE_PLACES_OF_FILE, 1, {{4096, 8192, 4096}}},
};

static bool answer_bad_map(const struct fake *fake, const struct lane *lane, struct wire_message *m)
{
	for (size_t i = 0; i < sizeof(BAD_MAPS) / sizeof(BAD_MAPS[0]); i++)
		if (BAD_MAPS[i].fault == fake->script.fault) {
			put_runs(lane, m, BAD_MAPS[i].runs, BAD_MAPS[i].count);
			return true;
		}
	return false;
}

static const struct {
	uint32_t fault;
	const char *name;
	size_t length;
} BAD_NAMES[] = {
	{FAKE_NAME_SLASH, "a/b", 3},
	{FAKE_NAME_DOTDOT, "..", 2},
	{FAKE_NAME_NUL, "a\0b", 3},
	{FAKE_NAME_EMPTY, "", 0},
};

static bool answer_bad_name(const struct fake *fake, const struct lane *lane,
			    struct wire_message *m)
{
	for (size_t i = 0; i < sizeof(BAD_NAMES) / sizeof(BAD_NAMES[0]); i++)
		if (BAD_NAMES[i].fault == fake->script.fault) {
			m->length =
				put_entry(lane->data, 9, BAD_NAMES[i].name, BAD_NAMES[i].length);
			m->offset = 0;
			return true;
		}
	return false;
}

static void many_runs(const struct lane *lane, struct wire_message *m)
{
	struct wire_run run;

	/* One byte each, none beside the one before: nothing can be joined. */
	for (uint64_t i = 0; i < 1000; i++) {
		run = (struct wire_run){i * 2, FAKE_VOLUME_OFFSET + i * 4, 1};
		memcpy(lane->data + i * sizeof(run), &run, sizeof(run));
	}
	m->length = 1000 * sizeof(run);
	m->offset = 0;
}

/* An answer that is only wrong in what it holds. False: this fault is of another sort. */
static bool answer_lie(const struct fake *fake, const struct lane *lane, struct wire_message *m)
{
	struct wire_attr attr = {.mode = S_IFREG, .size_bytes = UINT64_MAX};
	struct wire_entry entry = {.inode = 1, .name_length = 1, .record_length = 8};
	uint64_t at = 0;

	if (answer_bad_map(fake, lane, m) || answer_bad_name(fake, lane, m) ||
	    answer_bad_place(fake, lane, m) || answer_bad_xattr(fake, lane, m))
		return true;
	switch (fake->script.fault) {
	case FAKE_MAP_MANY:
		many_runs(lane, m);
		return true;
	case FAKE_MAP_ENDLESS:
		m->length = 0;
		m->offset = 1;
		return true;
	case FAKE_LIST_ENDLESS:
		m->length = 0;
		m->offset++;
		return true;
	case FAKE_LIST_SLOW:
		poll(NULL, 0, 50);
		list_many(lane, m, UINT64_MAX);
		return true;
	case FAKE_LIST_MILLION:
		list_many(lane, m, UINT64_MAX);
		return true;
	case FAKE_RECORD_SHORT:
		memcpy(lane->data, &entry, sizeof(entry));
		m->length = sizeof(entry);
		m->offset = 0;
		return true;
	case FAKE_SIZE_HUGE:
		memcpy(lane->data, &attr, sizeof(attr));
		m->length = sizeof(attr);
		return true;
	case FAKE_LINK_NUL:
		memcpy(lane->data, "a\0b", 3);
		m->length = 3;
		return true;
	case FAKE_NO_BYTES:
		m->length = 0;
		return true;
	case FAKE_READ_SHORT:
		read_inode(lane, m, 0);
		m->length--;
		return true;
	case FAKE_PLACES_HALF:
		m->length = sizeof(struct wire_run) / 2;
		m->offset = 0;
		return true;
	case FAKE_PLACES_AGAIN:
		at = m->offset;
		put_runs(lane, m, &(struct wire_run){0, 8192, 4096}, 1);
		m->offset = at + 1;
		return true;
	case FAKE_PLACES_STUCK:
		m->length = 0;
		m->offset = 7;
		return true;
	case FAKE_PLACES_BEYOND:
		m->length = 0;
		m->offset = FAKE_IMAGE_BYTES;
		return true;
	case FAKE_PLACES_REFUSED:
		m->error = EOPNOTSUPP;
		m->length = 0;
		return true;
	case FAKE_READ_OTHER:
		read_inode(lane, m, 1);
		return true;
	case FAKE_OTHER_VOLUMES:
		put_volume(lane->data, fake, true);
		m->length = sizeof(struct wire_volume);
		return true;
	case FAKE_OTHER_VOLUME:
	case FAKE_OPEN_ENDS:
	case FAKE_OPEN_TURNS:
		open_all(fake, lane, m);
		return true;
	case FAKE_NO_VOLUMES:
		m->length = 0;
		return true;
	case FAKE_BAD_VOLUMES:
		m->length = sizeof(struct wire_volume) / 2;
		return true;
	default:
		return false;
	}
}

static void answer_broken(const struct fake *fake, const struct lane *lane, struct wire_message *m)
{
	size_t length = sizeof(*m);

	switch (fake->script.fault) {
	case FAKE_CRASH:
		_exit(9);
	case FAKE_HANG:
		hang(fake);
		break;
	case FAKE_BLOCK_FOREVER:
		for (;;)
			(void)block(lane, 0, 4096);
	case FAKE_BLOCK_OUTSIDE:
		m->error = block(lane, FAKE_IMAGE_BYTES - 1, 4096) && block(lane, UINT64_MAX, 4096)
				   ? EIO
				   : 0;
		break;
	case FAKE_BLOCK_HUGE:
		m->error = block(lane, 0, 2 * WIRE_WINDOW) ? EIO : 0;
		break;
	case FAKE_WRONG_SERIAL:
		m->serial++;
		break;
	case FAKE_WRONG_MAGIC:
		m->magic++;
		break;
	case FAKE_WRONG_OP:
		m->op = m->op == WIRE_STAT ? WIRE_LIST : WIRE_STAT;
		break;
	case FAKE_SHORT_MESSAGE:
		length -= 8;
		break;
	case FAKE_LONG_MESSAGE:
		length += 8;
		break;
	case FAKE_OVERSIZE:
		m->length = WIRE_WINDOW + 1;
		break;
	case FAKE_NEGATIVE_ERROR:
		m->error = -1;
		break;
	default:
		_exit(10);
	}
	say(lane, m, length);
}

static void serve(struct fake *fake, const struct lane *lane)
{
	struct wire_message m;
	ssize_t got = recv(lane->socket, &m, sizeof(m), 0);

	if (got != (ssize_t)sizeof(m) || m.magic != WIRE_MAGIC)
		_exit(0);
	if (m.op == WIRE_OPEN)
		load_script(fake);
	m.is_answer = 1;
	if (is_faulty(fake, &m) && !answer_lie(fake, lane, &m)) {
		answer_broken(fake, lane, &m);
		return;
	}
	if (!is_faulty(fake, &m))
		answer_good(fake, lane, &m);
	say(lane, &m, sizeof(m));
}

/* Only what reader.md promises may be open, or a leaked descriptor would go unseen. */
static void check_descriptors(void)
{
	for (int fd = 0; fd < 256; fd++) {
		bool is_open = fcntl(fd, F_GETFD) >= 0;

		if (is_open != (fd < WIRE_FIRST_FD + 3 * WIRE_LANES))
			_exit(11);
	}
	if (!getenv("TZ") || strcmp(getenv("TZ"), "UTC0") != 0 || getenv("PATH"))
		_exit(12);
}

int main(int argc, char **argv)
{
	struct fake fake = {0};
	struct pollfd polls[WIRE_LANES];
	struct wire_message ready = {
		.magic = WIRE_MAGIC, .op = WIRE_READY, .volume = WIRE_READY_VOLUME};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check_descriptors();
	if (argc != 3 || atoi(argv[1]) != WIRE_LANES)
		return 2;
	for (int i = 0; i < WIRE_LANES; i++) {
		int fd = WIRE_FIRST_FD + 3 * i;

		fake.lanes[i].socket = fd;
		fake.lanes[i].data =
			mmap(NULL, WIRE_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, fd + 1, 0);
		fake.lanes[i].blocks = mmap(NULL, WIRE_WINDOW, PROT_READ, MAP_SHARED, fd + 2, 0);
		if (fake.lanes[i].data == MAP_FAILED || fake.lanes[i].blocks == MAP_FAILED)
			return 2;
		/* a window that can be shrunk under the parent would be its SIGBUS */
		if (ftruncate(fd + 1, 0) == 0 || ftruncate(fd + 2, 0) == 0)
			return 13;
		polls[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	if (strtoull(argv[2], NULL, 10) != FAKE_IMAGE_BYTES)
		for (;;)
			pause(); /* an image of another size asks for a reader that is never ready */
	say(&fake.lanes[0], &ready, sizeof(ready));
	for (;;) {
		if (poll(polls, WIRE_LANES, -1) < 0)
			return 1;
		for (int i = 0; i < WIRE_LANES; i++)
			if (polls[i].revents)
				serve(&fake, &fake.lanes[i]);
	}
}
