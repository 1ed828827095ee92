/*
 * one-answer.c - the law of one answer, asked of a real mount: however a file is read, it is the same masked file
 *
 *   one-answer make FOLDER SEED             random files with planted values over the edges of windows
 *   one-answer check FOLDER VIEW SEED       VIEW's files read at random by 6 threads, then whole, and compared
 *   one-answer split SOURCE FILE FROM TO    a reading cut in two at every offset from FROM to TO
 *   one-answer big FILE RUNS                a file of 4 GiB with RUNS runs of text in it
 *   one-answer random FILE RUNS SEED READS  reads such a file at random; every answer is text with nothing planted in it
 *
 * Exit 0: one answer. 1: another, with the file, offset and length (never the bytes).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WINDOW	 65536
#define LARGEST	 (5 * WINDOW)
#define THREADS	 6
#define BIG_SIZE (INT64_C(4) << 30)
#define RUN	 (6 * WINDOW) /* its first and last windows have holes in their margin: withheld */

_Noreturn static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t below(uint64_t *state, size_t limit)
{
	return (size_t)(next(state) % limit);
}

/* Every one is synthetic, and holds a part that no other text here has. */
static const char *const PLANTED[] = {
	"4111 1111 1111 1111",
	"5555-5555-5555-4444",
	"marta.quill@harbour-inn.example",
	"DE89 3704 0044 0532 0130 00",
	"GB82WEST12345698765432",
	"+353 1 555 0143",
	"-----BEGIN PRIVATE KEY-----\nMIIQUARRELSOMEquarrelsome0123456789\nQUARRELSOMEabcdef==\n"
	"-----END PRIVATE KEY-----",
};
static const char *const TELLTALES[] = {"4111 1111 1", "5555-5555",  "quill",	 "harbour",
					"3704 0044",   "WEST123456", "555 0143", "QUARRELSOME"};
static const char *const WORDS[] = {"toner",	"hinge",      "Stra\u00dfe",  "caf\u00e9",
				    "screw",	"a",	      "\u65e5\u672c", "and",
				    "keyboard", "\U0001F50B", "swap",	      "fan"};

static size_t put(char *bytes, size_t at, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (at + length > size)
		return at;
	memcpy(bytes + at, text, length);
	return at + length;
}

/* Text of exactly @size bytes: words, planted values here and there and over every edge of a window. */
static void fill(char *bytes, size_t size, uint64_t *state, size_t newline_in, bool is_csv)
{
	size_t at = 0;

	while (at < size) {
		size_t before = at;
		size_t edge = (at / WINDOW + 1) * WINDOW;
		bool is_near = edge < size && at + 24 > edge && at < edge;

		if (is_near || below(state, 60) == 0) {
			at = put(bytes, at, size, is_csv ? "; " : " ");
			at = put(bytes, at, size, PLANTED[below(state, 7)]);
			at = put(bytes, at, size, is_csv ? ";" : " ");
		} else {
			at = put(bytes, at, size, WORDS[below(state, 12)]);
			at = put(bytes, at, size,
				 below(state, newline_in) == 0 ? "\n"
				 : is_csv		       ? ";"
							       : " ");
		}
		if (at == before)
			bytes[at++] = '.';
	}
}

static void write_file(const char *folder, const char *name, const char *bytes, size_t size)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		die(path);
	close(fd);
}

static int make(const char *folder, uint64_t state)
{
	static const size_t SIZES[] = {0,
				       1,
				       2,
				       777,
				       WINDOW - 1,
				       WINDOW,
				       WINDOW + 1,
				       2 * WINDOW - 1,
				       2 * WINDOW,
				       2 * WINDOW + 1,
				       4 * WINDOW - 1,
				       4 * WINDOW + 1};
	static const size_t NEWLINES[] = {12, 3, 1000000};
	char *bytes = malloc(LARGEST), name[64];

	if (!bytes)
		die("malloc");
	for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++)
		for (size_t kind = 0; kind < 3; kind++) {
			fill(bytes, SIZES[i], &state, NEWLINES[kind], kind == 1);
			snprintf(name, sizeof(name), "%s-%zu.%s", kind == 2 ? "long" : "lines",
				 SIZES[i], kind == 1 ? "csv" : "txt");
			write_file(folder, name, bytes, SIZES[i]);
		}
	for (size_t i = 0; i < 8; i++) {
		size_t size = 1 + below(&state, LARGEST - 1);

		fill(bytes, size, &state, 1 + below(&state, 40), i & 1);
		snprintf(name, sizeof(name), "random-%zu.txt", i);
		write_file(folder, name, bytes, size);
	}
	free(bytes);
	return 0;
}

/* ---- checking ---------------------------------------------------------------------------------------- */

struct file {
	const char *path;
	const char *source; /* what lies in the device */
	char *answer;	    /* first answers, put together */
	atomic_uchar *is_known;
	size_t size;
	int fd;
	atomic_size_t wrong;
};

struct reader {
	struct file *file;
	uint64_t state;
	unsigned number;
};

static ssize_t read_some(const struct file *file, char *buffer, size_t length, size_t offset)
{
	return pread(file->fd, buffer, length, (off_t)offset);
}

static void tell(struct file *file, const char *what, size_t offset, size_t length)
{
	if (atomic_fetch_add(&file->wrong, 1) == 0)
		fprintf(stderr, "%s: %s at %zu, %zu bytes\n", file->path, what, offset, length);
}

/* The first answer for a byte is kept, every later one is held against it. */
static void hold_against(struct file *file, const char *bytes, size_t offset, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char before = 0;

		if (atomic_compare_exchange_strong(&file->is_known[offset + i], &before, 1)) {
			file->answer[offset + i] = bytes[i];
			atomic_store(&file->is_known[offset + i], 2);
			continue;
		}
		while (atomic_load(&file->is_known[offset + i]) != 2)
			;
		if (file->answer[offset + i] != bytes[i]) {
			tell(file, "another answer", offset + i, 1);
			return;
		}
	}
}

static size_t random_length(struct reader *reader)
{
	static const size_t LIMITS[] = {2, 40, 700, 4097, WINDOW + 2, 3 * WINDOW};

	return 1 + below(&reader->state, LIMITS[below(&reader->state, 6)]);
}

static size_t random_offset(struct reader *reader)
{
	size_t size = reader->file->size;
	size_t offset = below(&reader->state, size + 10);

	/* Half of all readings begin close to the edge of a window. */
	if (size > WINDOW && next(&reader->state) & 1)
		offset = WINDOW * (1 + below(&reader->state, size / WINDOW)) - 30 +
			 below(&reader->state, 60);
	return offset;
}

static void *read_randomly(void *context)
{
	struct reader *reader = context;
	struct file *file = reader->file;
	char *buffer = malloc(3 * WINDOW + 1);

	if (!buffer)
		die("malloc");
	for (unsigned i = 0; i < 25; i++) {
		size_t length = random_length(reader), offset = random_offset(reader);
		size_t wanted = offset >= file->size	       ? 0
				: length < file->size - offset ? length
							       : file->size - offset;
		ssize_t got = read_some(file, buffer, length, offset);

		if (got != (ssize_t)wanted)
			tell(file, "another length", offset, length);
		else
			hold_against(file, buffer, offset, wanted);
	}
	free(buffer);
	return NULL;
}

/* Whole, in order; and once more through the page cache. */
static void read_whole(struct file *file)
{
	char *whole = malloc(file->size + 1);
	size_t at = 0;
	ssize_t got;

	if (!whole)
		die("malloc");
	while ((got = read_some(file, whole + at, file->size + 1 - at, at)) > 0)
		at += (size_t)got;
	if (got < 0 || at != file->size)
		tell(file, "another length of the whole", at, file->size);
	else
		hold_against(file, whole, 0, file->size);
	free(whole);
	if (file->size == 0)
		return;
	char *map = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, file->fd, 0);

	if (map == MAP_FAILED)
		die("mmap");
	hold_against(file, map, 0, file->size);
	munmap(map, file->size);
}

static bool is_utf8(const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length;) {
		size_t more = bytes[i] < 0x80 ? 0 : bytes[i] < 0xe0 ? 1 : bytes[i] < 0xf0 ? 2 : 3;

		if (bytes[i] >= 0x80 && bytes[i] < 0xc2)
			return false;
		for (i++; more > 0; more--, i++)
			if (i >= length || (bytes[i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* What is masked: nothing planted is left, the newlines are, and it is UTF-8 when it was. */
static void look(struct file *file)
{
	for (size_t i = 0; i < sizeof(TELLTALES) / sizeof(TELLTALES[0]); i++) {
		const char *found =
			memmem(file->answer, file->size, TELLTALES[i], strlen(TELLTALES[i]));

		if (found)
			tell(file, "a planted value", (size_t)(found - file->answer),
			     strlen(TELLTALES[i]));
	}
	for (size_t i = 0; i < file->size; i++)
		if ((file->answer[i] == '\n') != (file->source[i] == '\n'))
			tell(file, "another newline", i, 1);
	if (!is_utf8((const unsigned char *)file->answer, file->size))
		tell(file, "broken UTF-8", 0, file->size);
}

static char *map_whole(const char *path, size_t *out_size)
{
	struct stat stat;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &stat) < 0)
		die(path);
	*out_size = (size_t)stat.st_size;
	char *bytes = malloc(*out_size + 1);

	if (!bytes || read(fd, bytes, *out_size) != (ssize_t)*out_size)
		die(path);
	close(fd);
	return bytes;
}

static size_t check_file(const char *source, const char *path, uint64_t *state)
{
	struct file file = {.path = path};
	struct reader readers[THREADS];
	pthread_t threads[THREADS];
	struct stat stat;
	char *bytes = map_whole(source, &file.size);

	file.source = bytes;
	file.answer = calloc(1, file.size + 1);
	file.is_known = calloc(file.size + 1, sizeof(*file.is_known));
	file.fd = open(path, O_RDONLY);
	if (file.fd < 0 || !file.answer || !file.is_known || fstat(file.fd, &stat) < 0)
		die(path);
	if ((size_t)stat.st_size != file.size)
		tell(&file, "another size", 0, (size_t)stat.st_size);
	for (unsigned i = 0; i < THREADS; i++) {
		readers[i] = (struct reader){&file, next(state), i};
		if (pthread_create(&threads[i], NULL, read_randomly, &readers[i]) != 0)
			die("pthread_create");
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	read_whole(&file);
	look(&file);
	close(file.fd);
	free(bytes);
	free(file.answer);
	free(file.is_known);
	return atomic_load(&file.wrong);
}

static int check(const char *folder, const char *view, uint64_t state)
{
	struct dirent **entries;
	size_t wrong = 0, checked = 0;
	int count = scandir(folder, &entries, NULL, alphasort);

	if (count < 0)
		die(folder);
	for (int i = 0; i < count; i++) {
		char source[4096], path[4096];

		snprintf(source, sizeof(source), "%s/%s", folder, entries[i]->d_name);
		snprintf(path, sizeof(path), "%s/%s", view, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			wrong += check_file(source, path, &state);
			checked++;
		}
		free(entries[i]);
	}
	free(entries);
	printf("%zu files, %zu wrong\n", checked, wrong);
	return wrong || checked == 0;
}

/* ---- a cut at every offset ------------------------------------------------------------------------------ */

static int split(const char *source, const char *path, size_t from, size_t to)
{
	struct file file = {.path = path};
	char *bytes = map_whole(source, &file.size);
	char *whole = malloc(file.size + 1), *cut = malloc(file.size + 1);
	/* Of a long file only what lies around the cut is read. */
	size_t around = file.size < 8192 ? file.size : 200;

	file.fd = open(path, O_RDONLY);
	if (file.fd < 0 || !whole || !cut)
		die(path);
	if (read_some(&file, whole, file.size + 1, 0) != (ssize_t)file.size)
		tell(&file, "another length of the whole", 0, file.size);
	file.source = bytes;
	file.answer = whole;
	look(&file);
	for (size_t at = from; at <= to && at <= file.size; at++) {
		size_t first = at < around ? 0 : at - around;
		size_t last = file.size - at < around ? file.size : at + around;

		if (read_some(&file, cut, at - first, first) != (ssize_t)(at - first) ||
		    read_some(&file, cut + at - first, last - at, at) != (ssize_t)(last - at))
			tell(&file, "another length of a part", at, last - first);
		else if (memcmp(cut, whole + first, last - first) != 0)
			tell(&file, "another answer when cut", at, last - first);
	}
	close(file.fd);
	free(bytes);
	free(whole);
	free(cut);
	return atomic_load(&file.wrong) != 0;
}

/* ---- 4 GiB -------------------------------------------------------------------------------------------------- */

/* Where run @index of @runs lies: spread over the file, at a multiple of a window. */
static int64_t run_offset(size_t index, size_t runs)
{
	return BIG_SIZE / (int64_t)runs * (int64_t)index / WINDOW * WINDOW;
}

static int make_big(const char *path, size_t runs)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	char *bytes = malloc(RUN);
	uint64_t state = 88172645463325252u;

	if (fd < 0 || !bytes || ftruncate(fd, BIG_SIZE) < 0)
		die(path);
	fill(bytes, RUN, &state, 12, false);
	for (size_t i = 0; i < runs; i++)
		if (pwrite(fd, bytes, RUN, run_offset(i, runs)) != RUN)
			die(path);
	free(bytes);
	return close(fd);
}

static int read_big(const char *path, size_t runs, uint64_t state, size_t reads)
{
	struct file file = {.path = path};
	char *buffer = malloc(RUN);
	size_t bytes = 0;

	file.fd = open(path, O_RDONLY);
	if (file.fd < 0 || !buffer)
		die(path);
	for (size_t i = 0; i < reads; i++) {
		size_t offset = WINDOW + below(&state, RUN - 2 * WINDOW);
		size_t length = 1 + below(&state, RUN - WINDOW - offset);
		size_t at = (size_t)run_offset(below(&state, runs), runs) + offset;

		if (read_some(&file, buffer, length, at) != (ssize_t)length) {
			tell(&file, "no answer", at, length);
			continue;
		}
		bytes += length;
		for (size_t t = 0; t < sizeof(TELLTALES) / sizeof(TELLTALES[0]); t++)
			if (memmem(buffer, length, TELLTALES[t], strlen(TELLTALES[t])))
				tell(&file, "a planted value", at, length);
	}
	printf("%zu bytes\n", bytes);
	close(file.fd);
	free(buffer);
	return atomic_load(&file.wrong) != 0;
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 4 && strcmp(what, "make") == 0)
		return make(argv[2], number(argv[3]));
	if (argc == 5 && strcmp(what, "check") == 0)
		return check(argv[2], argv[3], number(argv[4]));
	if (argc == 6 && strcmp(what, "split") == 0)
		return split(argv[2], argv[3], number(argv[4]), number(argv[5]));
	if (argc == 4 && strcmp(what, "big") == 0)
		return make_big(argv[2], number(argv[3]));
	if (argc == 6 && strcmp(what, "random") == 0)
		return read_big(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
	fprintf(stderr, "see the head of tests/tools/one-answer.c\n");
	return 1;
}
