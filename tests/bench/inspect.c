/* inspect.c - the wipe check against dd reading the same zeros, and the rates of looking into random bytes and into mail
 *
 *   inspect FOLDER   writes zeros there, reads them from a loop device where it may, and takes turns with dd
 *
 * What is looked into is kept in memory, since no disk here is as fast as the looking.
 */
#include "fs/inspect/inspect.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEDIUM_BYTES (256u << 20)
#define CHUNK	     (1u << 20)
#define ROUNDS	     7

static const struct detect_identity customer[] = {
	{IDENTITY_NAME, "Kim Miller", false},
	{IDENTITY_EMAIL, "kim.miller@example.com", false},
	{IDENTITY_PHONE, "+44 7700 900123", false},
	{IDENTITY_ADDRESS, "12 Harbour Street, Testville, TV1 2AB", false},
};

static const char *const words[] = {
	"the",
	"of",
	"order",
	"please",
	"and",
	"delivery",
	"week",
	"we",
	"have",
	"meeting",
	"about",
	"project",
	"invoice",
	"to",
	"for",
	"regards",
	"you",
	"tomorrow",
	"report",
	"send",
	"attached",
	"is",
	"in",
	"question",
	"that",
	"this",
	"would",
	"kitchen",
	"moved",
	"paint",
	"window",
	"river",
	"kim@example.com",
	"104233",
	"202-555-0143",
	"2026-03-02",
	"19.99",
	"4111 1111 1111 1111",
};
#define PLAIN_WORDS  32
#define HEADER_EVERY 2048
static const char header[] = "\n\nFrom: \"A. Person\" <a.person@example.org>\n"
			     "To: kim.miller@example.com\n"
			     "Date: Mon, 2 Mar 2026 10:11:12 +0000\n"
			     "Subject: your order 104233\n\n";

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill_zeros(uint8_t *out)
{
	memset(out, 0, CHUNK);
}

static void fill_random(uint8_t *out)
{
	randombytes_buf(out, CHUNK);
}

/* Lines of about 70 bytes; one word in twenty-four is a value. */
static void fill_mail(uint8_t *out)
{
	size_t line = 0, message = 0;

	for (size_t at = 0; at < CHUNK;) {
		uint32_t pick = randombytes_uniform(24 * PLAIN_WORDS);
		const char *word =
			pick % 24
				? words[pick % PLAIN_WORDS]
				: words[PLAIN_WORDS + pick / 24 % (BL_COUNT(words) - PLAIN_WORDS)];

		if (at >= message) {
			word = header;
			message = at + HEADER_EVERY;
		}

		size_t length = BL_MIN(strlen(word), CHUNK - at);

		memcpy(out + at, word, length);
		at += length;
		line = line > 70 ? 0 : line + length + 1;
		if (at < CHUNK)
			out[at++] = line > 70 ? '\n' : ' ';
	}
}

static bool fill_medium(int fd, void (*fill)(uint8_t *out))
{
	uint8_t *chunk = malloc(CHUNK);
	bool is_good = fd >= 0 && chunk;

	for (size_t at = 0; is_good && at < MEDIUM_BYTES; at += CHUNK) {
		fill(chunk);
		is_good = write(fd, chunk, CHUNK) == (ssize_t)CHUNK;
	}
	free(chunk);
	return is_good;
}

static bool make_zeros(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool is_good = fill_medium(fd, fill_zeros) && fsync(fd) == 0;

	fd_close(fd);
	return is_good;
}

/* Seconds; below 0: it failed. */
static double inspect(int fd, enum inspect_verdict expected)
{
	struct inspect_job job = {
		.fd = fd,
		.classes = detect_supported(),
		.identities = customer,
		.identity_count = BL_COUNT(customer),
	};
	struct inspect_result *result = NULL;
	struct bl_error why = {""};
	double start = now_s();
	bool is_good = inspect_run(&job, &result, &why) == BL_OK && result->verdict == expected;
	double seconds = is_good ? now_s() - start : -1;

	if (!is_good)
		fprintf(stderr, "inspect: %s\n", why.text);
	free(result);
	return seconds;
}

static double dd(const char *path)
{
	char line[9000];

	snprintf(line, sizeof(line),
		 "dd if='%s' of=/dev/null bs=1M iflag=direct 2>/dev/null || "
		 "dd if='%s' of=/dev/null bs=1M 2>/dev/null",
		 path, path);

	double start = now_s();

	return system(line) == 0 ? now_s() - start : -1;
}

/* A loop device of the zeros; "" where there is none to be had. */
static void attach(const char *path, char *out, size_t size)
{
	char line[9000];

	out[0] = '\0';
	snprintf(line, sizeof(line),
		 "PATH=$PATH:/sbin:/usr/sbin losetup --find --show --read-only '%s' 2>/dev/null",
		 path);

	FILE *said = popen(line, "r");

	if (said && fgets(out, (int)size, said))
		out[strcspn(out, "\n")] = '\0';
	if (said)
		pclose(said);
}

static void detach(const char *device)
{
	char line[9000];

	snprintf(line, sizeof(line), "PATH=$PATH:/sbin:/usr/sbin losetup --detach '%s'", device);
	if (device[0] && system(line) != 0)
		fprintf(stderr, "inspect: cannot detach %s\n", device);
}

static bool measure(const char *zeros, int random, int mail)
{
	double best[4] = {1e9, 1e9, 1e9, 1e9};
	int fd = open(zeros, O_RDONLY | O_CLOEXEC);

	for (unsigned round = 0; round < ROUNDS; round++) {
		double seconds[] = {inspect(fd, INSPECT_EMPTY), dd(zeros),
				    inspect(random, INSPECT_NOT_EMPTY),
				    inspect(mail, INSPECT_NOT_EMPTY)};

		for (size_t i = 0; i < BL_COUNT(best); i++) {
			if (seconds[i] < 0)
				return false;
			best[i] = BL_MIN(best[i], seconds[i]);
		}
	}
	fd_close(fd);
	printf("bench: inspect.zero_vs_dd %.2f x\n", best[1] / best[0]);
	printf("bench: inspect.zero_gbps %.3f GB/s\n", MEDIUM_BYTES / best[0] / 1e9);
	printf("bench: inspect.random_gbps %.3f GB/s\n", MEDIUM_BYTES / best[2] / 1e9);
	printf("bench: inspect.mail_gbps %.3f GB/s\n", MEDIUM_BYTES / best[3] / 1e9);
	return true;
}

int main(int argc, char **argv)
{
	int random = memfd_create("random", MFD_CLOEXEC), mail = memfd_create("mail", MFD_CLOEXEC);
	char zeros[4096] = "", device[64];
	bool is_good = argc == 2 && sodium_init() >= 0 && fill_medium(random, fill_random) &&
		       fill_medium(mail, fill_mail);

	if (!is_good)
		return 1;
	snprintf(zeros, sizeof(zeros), "%s/zeros", argv[1]);
	is_good = make_zeros(zeros);
	attach(zeros, device, sizeof(device));
	is_good = is_good && measure(device[0] ? device : zeros, random, mail);
	detach(device);
	unlink(zeros);
	fd_close(random);
	fd_close(mail);
	return is_good ? 0 : 1;
}
