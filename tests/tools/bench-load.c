/*
 * bench-load.c - the load that tests/bench/run.sh puts on a mount, and the data it is put on
 *
 *   bench-load tree DIR FILES           FILES empty files, 100 to a directory, 10 directories to a directory
 *   bench-load mail DIR FILES MIB       FILES text files of MIB MiB: mail with addresses, phones, cards; nobody's own
 *   bench-load seq THREADS FILE...      every file once, 1 MiB at a time, O_DIRECT; a thread takes the next file
 *   bench-load rand DEPTH COUNT FILE... COUNT reads of 4 KiB at random places, DEPTH in flight, O_DIRECT
 *   bench-load walk DEPTH DIR           every name below DIR listed and its attributes asked for, DEPTH in flight
 *
 * A load prints how long it took (microseconds) and how many bytes, reads or names it saw; it fails when one request does.
 * DEPTH threads have one request in flight each. Random places are the same in every run.
 */
#include "policy/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB	     ((size_t)1 << 20)
#define THREADS_MOST 256u
#define FILES_MOST   64
#define STACK_BYTES  (256u << 10)
#define PER_FOLDER   100u

static void die(const char *what)
{
	fprintf(stderr, "bench-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static unsigned number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || !*text || value > UINT_MAX) {
		errno = EINVAL;
		die(text);
	}
	return (unsigned)value;
}

/* ---- data ------------------------------------------------------------------------------------ */

static void make_folder(const char *path)
{
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		die(path);
}

static void make_tree(const char *folder, unsigned files)
{
	char path[PATH_MAX];

	for (unsigned i = 0; i < files; i++) {
		unsigned low = i / PER_FOLDER, high = low / 10;
		int fd;

		if (i % (PER_FOLDER * 10) == 0) {
			snprintf(path, sizeof(path), "%s/shelf-%03u", folder, high);
			make_folder(path);
		}
		if (i % PER_FOLDER == 0) {
			snprintf(path, sizeof(path), "%s/shelf-%03u/box-%u", folder, high,
				 low % 10);
			make_folder(path);
		}
		snprintf(path, sizeof(path), "%s/shelf-%03u/box-%u/scan-%02u.tif", folder, high,
			 low % 10, i % PER_FOLDER);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			die(path);
		close(fd);
	}
}

static const char *const WORDS[] = {
	"the",	  "of",	     "order", "please",	 "and",	     "delivery", "week",  "we",
	"have",	  "meeting", "about", "project", "invoice",  "to",	 "for",	  "regards",
	"report", "you",     "send",  "moved",	 "attached", "is",	 "in",	  "question",
	"that",	  "this",    "would", "kitchen", "paint",    "window",	 "river", "market",
};
/* What mail holds beside words: every 24th word is one of these. Reserved names and numbers only. */
static const char *const FINDS[] = {
	"kim@example.com", "104233", "12:30", "2026-03-02", "https://shop.example/item?id=99281",
	"202-555-0143",	   "19.99",  "7",     "24",	    "4111 1111 1111 1111",
};
static const char HEADER[] = "\n\nFrom: \"A. Person\" <a.person@example.org>\n"
			     "To: kim.miller@example.com\n"
			     "Date: Mon, 2 Mar 2026 10:11:12 +0000\n"
			     "Subject: your order 104233\n\n";

static void fill_mail(char *out, size_t size, uint64_t seed)
{
	size_t at = 0, line = 0, next_header = 0;

	while (at < size) {
		uint64_t pick = next_random(&seed) >> 11;
		const char *word = pick % 24 ? WORDS[pick / 24 % BL_COUNT(WORDS)]
					     : FINDS[pick / 24 % BL_COUNT(FINDS)];

		if (at >= next_header) {
			word = HEADER;
			next_header = at + 2048;
			line = 0;
		}
		size_t length = BL_MIN(strlen(word), size - at);

		memcpy(out + at, word, length);
		at += length;
		line += length + 1;
		if (at < size)
			out[at++] = line > 70 ? '\n' : ' ';
		if (line > 70)
			line = 0;
	}
}

static void make_mail(const char *folder, unsigned files, unsigned mib)
{
	size_t size = mib * MIB;
	char *text = malloc(size);

	if (!text)
		die("memory");
	for (unsigned i = 0; i < files; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/mail-%02u.txt", folder, i);
		fill_mail(text, size, 7919 + i);
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		for (size_t at = 0; fd >= 0 && at < size;) {
			ssize_t wrote = write(fd, text + at, size - at);

			if (wrote <= 0)
				die(path);
			at += (size_t)wrote;
		}
		if (fd < 0 || close(fd) != 0)
			die(path);
	}
	free(text);
}

/* ---- loads ----------------------------------------------------------------------------------- */

/* Found while walking, one list for all threads. */
struct folder {
	struct folder *next;
	char path[];
};

struct load {
	int files[FILES_MOST];
	off_t sizes[FILES_MOST];
	unsigned file_count;
	unsigned reads; /* wanted */
	atomic_uint next;
	atomic_uint seeds;
	atomic_ullong seen;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct folder *folders;
	unsigned walking; /* threads that may still find folders */
};

static void *aligned(size_t size)
{
	void *buffer = NULL;

	if (posix_memalign(&buffer, 4096, size) != 0)
		die("memory");
	return buffer;
}

static void open_files(struct load *load, char **paths)
{
	for (; *paths; paths++) {
		struct stat stat;
		unsigned i = load->file_count++;

		if (i == FILES_MOST) {
			errno = E2BIG;
			die("files");
		}
		load->files[i] = open(*paths, O_RDONLY | O_CLOEXEC | O_DIRECT);
		if (load->files[i] < 0 || fstat(load->files[i], &stat) != 0)
			die(*paths);
		load->sizes[i] = stat.st_size;
	}
}

static void *seq_run(void *context)
{
	struct load *load = context;
	char *buffer = aligned(MIB);
	unsigned i;

	while ((i = atomic_fetch_add(&load->next, 1)) < load->file_count) {
		off_t at = 0;

		while (at < load->sizes[i]) {
			ssize_t got = pread(load->files[i], buffer, MIB, at);

			if (got <= 0)
				die("read");
			at += got;
		}
		atomic_fetch_add(&load->seen, (unsigned long long)at);
	}
	free(buffer);
	return NULL;
}

static void *rand_run(void *context)
{
	struct load *load = context;
	char *buffer = aligned(4096);
	uint64_t seed = 88172645463325252u +
			atomic_fetch_add(&load->seeds, 1) * UINT64_C(0x9e3779b97f4a7c15);

	while (atomic_fetch_add(&load->next, 1) < load->reads) {
		uint64_t pick = next_random(&seed);
		unsigned i = (unsigned)(pick >> 48) % load->file_count;
		off_t at = (off_t)(next_random(&seed) % ((uint64_t)load->sizes[i] / 4096)) * 4096;

		if (pread(load->files[i], buffer, 4096, at) != 4096)
			die("read");
		atomic_fetch_add(&load->seen, 1);
	}
	free(buffer);
	return NULL;
}

static void add_folder(struct load *load, const char *parent, const char *name)
{
	size_t room = strlen(parent) + strlen(name) + 2;
	struct folder *folder = malloc(sizeof(*folder) + room);

	if (!folder)
		die("memory");
	snprintf(folder->path, room, "%s%s%s", parent, *name ? "/" : "", name);
	pthread_mutex_lock(&load->lock);
	folder->next = load->folders;
	load->folders = folder;
	pthread_cond_signal(&load->changed);
	pthread_mutex_unlock(&load->lock);
}

static void walk_folder(struct load *load, const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;
	unsigned long long seen = 0;

	if (!stream)
		die(path);
	while ((entry = readdir(stream))) {
		struct stat stat;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(stream), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
			die(path);
		if (S_ISDIR(stat.st_mode))
			add_folder(load, path, entry->d_name);
		seen++;
	}
	closedir(stream);
	atomic_fetch_add(&load->seen, seen);
}

static void *walk_run(void *context)
{
	struct load *load = context;

	pthread_mutex_lock(&load->lock);
	for (;;) {
		struct folder *folder = load->folders;

		if (!folder && --load->walking == 0)
			break;
		if (!folder) {
			while (!load->folders && load->walking)
				pthread_cond_wait(&load->changed, &load->lock);
			if (!load->walking)
				break;
			load->walking++;
			continue;
		}
		load->folders = folder->next;
		pthread_mutex_unlock(&load->lock);
		walk_folder(load, folder->path);
		free(folder);
		pthread_mutex_lock(&load->lock);
	}
	pthread_cond_broadcast(&load->changed);
	pthread_mutex_unlock(&load->lock);
	return NULL;
}

static int run(struct load *load, unsigned threads, void *(*main_of)(void *))
{
	pthread_t ids[THREADS_MOST];
	pthread_attr_t attr;

	if (threads == 0 || threads > THREADS_MOST) {
		errno = EINVAL;
		die("threads");
	}
	pthread_mutex_init(&load->lock, NULL);
	pthread_cond_init(&load->changed, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	load->walking = threads;

	uint64_t start = now_us();

	for (unsigned i = 0; i < threads; i++) {
		if (pthread_create(&ids[i], &attr, main_of, load) != 0)
			die("threads");
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("%llu %llu\n", (unsigned long long)(now_us() - start), atomic_load(&load->seen));
	return 0;
}

int main(int argc, char **argv)
{
	struct load load = {0};
	const char *what = argc > 3 ? argv[1] : "";

	if (strcmp(what, "tree") == 0) {
		make_tree(argv[2], number(argv[3]));
	} else if (strcmp(what, "mail") == 0 && argc == 5) {
		make_mail(argv[2], number(argv[3]), number(argv[4]));
	} else if (strcmp(what, "seq") == 0) {
		open_files(&load, argv + 3);
		return run(&load, number(argv[2]), seq_run);
	} else if (strcmp(what, "rand") == 0 && argc > 4) {
		open_files(&load, argv + 4);
		load.reads = number(argv[3]);
		return run(&load, number(argv[2]), rand_run);
	} else if (strcmp(what, "walk") == 0) {
		add_folder(&load, argv[3], "");
		return run(&load, number(argv[2]), walk_run);
	} else {
		fputs("use: bench-load tree|mail|seq|rand|walk ...\n", stderr);
		return 2;
	}
	return 0;
}
