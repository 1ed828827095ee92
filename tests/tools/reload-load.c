/*
 * reload-load.c - readers that never stop, and a daemon that takes one policy after another meanwhile
 *
 *   reload-load read UID:DIR...              four threads on each DIR, each as its UID, until standard input ends
 *   reload-load loads SOCKET COUNT FIRST A B  COUNT policies, A and B by turns, with FIRST, FIRST + 1 .. for the word SERIAL in them
 *
 * A reader asks for attributes, opens, reads, lists, and reads on what it has kept open. In the end it prints how many requests
 * there were and how long they took (microseconds): COUNT P50 P999 MAX. It fails, and says how many of which, when one request
 * failed; when one does not come back for a minute it does not wait for the end.
 */
#include "fs/daemon/message.h"
#include "policy/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define THREADS_EACH  4u
#define THREADS_MOST  64u
#define FILES_MOST    32u
#define SAMPLES_MOST  (4u << 20)
#define HANGS_SECONDS 60

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "reload-load: %s: %s\n", what, strerrorname_np(errno));
	exit(1);
}

static uint64_t now_us(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
}

/* ---- readers ----------------------------------------------------------------------------------- */

enum call {
	CALL_STAT,
	CALL_OPEN,
	CALL_READ,
	CALL_READ_KEPT,
	CALL_OPENDIR,
	CALL_READDIR,
	CALL_COUNT
};
static const char *const CALLS[] = {"stat",    "open",	 "read", "read of a kept descriptor",
				    "opendir", "readdir"};

struct reader {
	pthread_t thread;
	unsigned number;
	uid_t uid;
	const char *folder;
	atomic_bool *is_over;
	pthread_barrier_t *ready; /* everybody has opened what they keep */
	char *files[FILES_MOST];
	int kept[FILES_MOST];
	size_t file_count;
	uint32_t *samples;
	size_t sample_count;
	_Atomic uint64_t since; /* of the request under way; 0: none */
	unsigned failures[CALL_COUNT];
	int errors[CALL_COUNT]; /* of the last one */
};

static void begin(struct reader *reader)
{
	atomic_store(&reader->since, now_us());
}

static void end(struct reader *reader, enum call call, bool is_good)
{
	int error = errno;
	uint64_t took = now_us() - atomic_exchange(&reader->since, 0);

	if (!is_good) {
		reader->failures[call]++;
		reader->errors[call] = error;
	}
	if (reader->sample_count < SAMPLES_MOST)
		reader->samples[reader->sample_count++] = (uint32_t)took;
}

static void read_some(struct reader *reader, enum call call, int fd, off_t at)
{
	char bytes[4096];

	begin(reader);
	end(reader, call, pread(fd, bytes, sizeof(bytes), at) == sizeof(bytes));
}

static void open_and_read(struct reader *reader, const char *path)
{
	begin(reader);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	end(reader, CALL_OPEN, fd >= 0);
	if (fd < 0)
		return;
	read_some(reader, CALL_READ, fd, 0);
	close(fd);
}

static void list(struct reader *reader)
{
	size_t names = 0;

	begin(reader);
	DIR *stream = opendir(reader->folder);

	end(reader, CALL_OPENDIR, stream != NULL);
	if (!stream)
		return;
	begin(reader);
	errno = 0;
	while (readdir(stream))
		names++;
	/* Two dots, the notice and a device: a list that lacks one lost what both policies show. */
	end(reader, CALL_READDIR, errno == 0 && names == 4);
	closedir(stream);
}

static void ask(struct reader *reader, unsigned turn)
{
	size_t which = turn % reader->file_count;
	struct stat stat_of;

	errno = 0;
	switch (turn / 7 % 4) {
	case 0:
		begin(reader);
		end(reader, CALL_STAT, stat(reader->files[which], &stat_of) == 0);
		break;
	case 1:
		open_and_read(reader, reader->files[which]);
		break;
	case 2:
		read_some(reader, CALL_READ_KEPT, reader->kept[which], turn % 16 * 512);
		break;
	default:
		list(reader);
	}
}

static void find_files(struct reader *reader, const char *folder)
{
	DIR *stream = opendir(folder);
	const struct dirent *entry;
	char path[8192];

	if (!stream)
		die(folder);
	while ((entry = readdir(stream)) && reader->file_count < FILES_MOST) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_type != DT_REG || strcmp(entry->d_name, "READ ME.txt") == 0)
			continue;
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			die(path);
		reader->kept[reader->file_count] = fd;
		reader->files[reader->file_count++] = strdup(path);
	}
	closedir(stream);
}

/* The call itself, not the library's: only this thread becomes somebody else. */
static void become(uid_t uid)
{
	if (syscall(SYS_setresgid, uid, uid, uid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
		die("setresuid");
}

static void *reader_main(void *context)
{
	struct reader *reader = context;
	char folder[4096];

	become(reader->uid);
	snprintf(folder, sizeof(folder), "%s/D1", reader->folder);
	find_files(reader, folder);
	if (reader->file_count == 0)
		die("no files to read");
	pthread_barrier_wait(reader->ready);
	for (unsigned turn = reader->number; !atomic_load(reader->is_over); turn++)
		ask(reader, turn);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void print_times(const struct reader *readers, size_t count)
{
	size_t all = 0, at = 0;

	for (size_t i = 0; i < count; i++)
		all += readers[i].sample_count;
	BL_CLEANUP(bl_free) uint32_t *times = calloc(all + 1, sizeof(*times));

	if (!times)
		die("memory");
	for (size_t i = 0; i < count; i++) {
		memcpy(times + at, readers[i].samples, readers[i].sample_count * sizeof(*times));
		at += readers[i].sample_count;
	}
	qsort(times, all, sizeof(*times), by_value);
	printf("%zu %u %u %u\n", all, times[all / 2], times[all - 1 - all / 1000], times[all - 1]);
}

static bool tell_failures(const struct reader *readers, size_t count)
{
	bool is_any = false;

	for (size_t call = 0; call < CALL_COUNT; call++) {
		unsigned failures = 0;
		int error = 0;

		for (size_t i = 0; i < count; i++) {
			failures += readers[i].failures[call];
			error = readers[i].errors[call] ? readers[i].errors[call] : error;
		}
		if (failures)
			fprintf(stderr, "reload-load: %u times %s: %s\n", failures, CALLS[call],
				error ? strerrorname_np(error) : "less than there is");
		is_any = is_any || failures;
	}
	return is_any;
}

/* Until standard input ends; a request that does not come back ends it too. */
static void watch(struct reader *readers, size_t count)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};
	char byte;

	for (;;) {
		if (poll(&input, 1, 1000) > 0 && read(0, &byte, 1) <= 0)
			return;
		for (size_t i = 0; i < count; i++) {
			uint64_t since = atomic_load(&readers[i].since), now = now_us();

			if (since && now > since + HANGS_SECONDS * UINT64_C(1000000)) {
				errno = ETIMEDOUT;
				die(readers[i].folder);
			}
		}
	}
}

static int read_all(char **views, size_t view_count)
{
	static struct reader readers[THREADS_MOST];
	atomic_bool is_over = false;
	size_t count = view_count * THREADS_EACH;
	pthread_barrier_t ready;

	if (count > THREADS_MOST || pthread_barrier_init(&ready, NULL, (unsigned)count + 1) != 0)
		return 2;
	for (size_t i = 0; i < count; i++) {
		struct reader *reader = &readers[i];
		char *folder = strchr(views[i / THREADS_EACH], ':');

		*reader = (struct reader){.number = (unsigned)i * 3, .is_over = &is_over};
		reader->ready = &ready;
		reader->uid = (uid_t)strtoul(views[i / THREADS_EACH], NULL, 10);
		reader->folder = folder ? folder + 1 : "";
		reader->samples = calloc(SAMPLES_MOST, sizeof(*reader->samples));
		if (!reader->samples ||
		    pthread_create(&reader->thread, NULL, reader_main, reader) != 0)
			die("threads");
	}
	pthread_barrier_wait(&ready);
	printf("reading\n");
	fflush(stdout);
	watch(readers, count);
	atomic_store(&is_over, true);
	for (size_t i = 0; i < count; i++)
		pthread_join(readers[i].thread, NULL);
	print_times(readers, count);
	return tell_failures(readers, count) ? 1 : 0;
}

/* ---- loads ------------------------------------------------------------------------------------- */

static char *read_text(const char *path)
{
	char *text = NULL;
	size_t room = 0;
	FILE *file = fopen(path, "re");

	if (!file || getdelim(&text, &room, '\0', file) < 0)
		die(path);
	fclose(file);
	return text;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

static void load(int fd, const char *template, unsigned serial)
{
	const char *mark = strstr(template, "SERIAL");
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	int none = -1;

	if (!mark)
		die("no SERIAL");
	BL_CLEANUP(json_decref)
	json_t *request = json_pack("{s:i,s:s,s:o}", "bailee", 1, "do", "policy-load", "text",
				    json_sprintf("%.*s%u%s", (int)(mark - template), template,
						 serial, mark + strlen("SERIAL")));

	if (!request || message_send(fd, request, -1, NULL) != BL_OK ||
	    message_receive(fd, &answer, &none, NULL) != BL_OK)
		die("policy-load");
	if (!json_is_true(json_object_get(answer, "ok"))) {
		fprintf(stderr, "reload-load: %s\n",
			json_string_value(json_object_get(answer, "error")));
		exit(1);
	}
}

static int load_all(char **arguments)
{
	unsigned count = (unsigned)strtoul(arguments[1], NULL, 10);
	unsigned first = (unsigned)strtoul(arguments[2], NULL, 10);
	BL_CLEANUP(bl_free) char *a = read_text(arguments[3]);
	BL_CLEANUP(bl_free) char *b = read_text(arguments[4]);
	BL_CLEANUP(fd_close) int fd = connect_to(arguments[0]);

	for (unsigned i = 0; i < count; i++)
		load(fd, i % 2 ? b : a, first + i);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (strcmp(what, "read") == 0)
		return read_all(argv + 2, (size_t)argc - 2);
	if (strcmp(what, "loads") == 0 && argc == 7)
		return load_all(argv + 2);
	fputs("see the head of tests/tools/reload-load.c\n", stderr);
	return 2;
}
