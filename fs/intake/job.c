/* What an intake was asked to do, and which places it could not read so far: `image/intake` (docs/format-vault.md, "Intake"). */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/intake/private.h"

#define NAME	   "intake"
#define TEMPORARY  "intake.tmp" /* in the device's folder: swept there when the store is opened */
#define VERSION	   1
#define HEAD	   4 /* u32 length of the JSON */
#define PAIR	   16
#define JSON_MOST  (1u << 20)
#define PLAIN_MOST (HEAD + JSON_MOST + (size_t)UNREADABLE_MOST * PAIR)
#define CANONICAL  (JSON_SORT_KEYS | JSON_COMPACT)

static const char *const FORMS[] = {
	[INTAKE_FILE] = "file", [INTAKE_PLAIN] = "plain", [INTAKE_STREAM] = "stream"};

const char *job_form_name(enum intake_form form)
{
	return FORMS[form];
}

static void json_done(json_t **json)
{
	json_decref(*json);
}
#define JSON_CLEANUP __attribute__((cleanup(json_done)))

void job_done(struct job *job)
{
	free(job->choice);
	*job = (struct job){.choice = NULL};
}

/* ---- making ------------------------------------------------------------------------------------------- */

static json_t *patterns_of(const char *const *items, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < count; i++)
		if (json_array_append_new(array, json_string(items[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static void hash_ranges(const struct image_ranges *ranges, uint8_t out[DIGEST])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, DIGEST);
	for (size_t i = 0; i < ranges->count; i++) {
		uint8_t pair[PAIR];

		bl_put64(pair, ranges->items[i].offset);
		bl_put64(pair + 8, ranges->items[i].length);
		crypto_generichash_update(&state, pair, sizeof(pair));
	}
	crypto_generichash_final(&state, out, DIGEST);
}

static enum bl_status choice_of(const struct image_choice *choice, char **out_text,
				struct bl_error *why)
{
	JSON_CLEANUP json_t *json = json_pack("{s:o,s:o,s:b}", "without",
					      patterns_of(choice->without, choice->without_count),
					      "only", patterns_of(choice->only, choice->only_count),
					      "no_free_space", (int)choice->no_free_space);
	char *text = json ? json_dumps(json, CANONICAL) : NULL;

	if (!text)
		return bl_fail(why, BL_INVALID, "a pattern is not UTF-8");
	*out_text = text;
	return BL_OK;
}

static void identify(const struct source *source, struct job *job)
{
	/* A block device's number may be another one after a restart; what comes out of a pipe has none. */
	if (source->form != INTAKE_FILE || !source->is_regular)
		return;
	job->source_dev = source->first.st_dev;
	job->source_ino = source->first.st_ino;
	job->source_mtime_ns =
		(int64_t)source->first.st_mtim.tv_sec * 1000000000 + source->first.st_mtim.tv_nsec;
}

enum bl_status job_of(const struct source *source, const char *container,
		      const struct image_choice *choice, const struct image_choice_report *report,
		      const struct image_ranges *left_out, struct job *out_job,
		      struct bl_error *why)
{
	struct job job = {.form = source->form, .size = source->bytes, .left_out = *report};

	snprintf(job.container, sizeof(job.container), "%s", container ? container : "raw");
	identify(source, &job);
	hash_ranges(left_out, job.ranges);
	if (choice) {
		enum bl_status status = choice_of(choice, &job.choice, why);

		if (status != BL_OK)
			return status;
		job.without = choice->without_count;
		job.only = choice->only_count;
		job.no_free_space = choice->no_free_space;
	}
	*out_job = job;
	return BL_OK;
}

/* ---- the same again? ------------------------------------------------------------------------------------ */

static bool is_same_source(const struct job *begun, const struct job *now)
{
	return begun->size == now->size && begun->source_dev == now->source_dev &&
	       begun->source_ino == now->source_ino &&
	       begun->source_mtime_ns == now->source_mtime_ns &&
	       strcmp(begun->container, now->container) == 0;
}

static bool is_same_choice(const struct job *begun, const struct job *now)
{
	return !begun->choice == !now->choice &&
	       (!begun->choice || strcmp(begun->choice, now->choice) == 0);
}

enum bl_status job_same(const struct job *begun, const struct job *now, struct bl_error *why)
{
	if (begun->form != now->form)
		return bl_fail(
			why, BL_INVALID,
			"this intake was begun with another kind of source (%s), and has to go "
			"on with it",
			FORMS[begun->form]);
	if (!is_same_source(begun, now))
		return bl_fail(
			why, BL_INVALID,
			"this is not the source it was: another file, size or time of change "
			"(give the one it was begun with; else shred the device, and take this "
			"in under another id)");
	if (!is_same_choice(begun, now))
		return bl_fail(
			why, BL_INVALID,
			"this intake was begun with other things to leave out (give the same "
			"patterns in the same order)");
	if (memcmp(begun->ranges, now->ranges, DIGEST) != 0)
		return bl_fail(
			why, BL_INVALID,
			"what is to be left out lies elsewhere than when this intake was begun: "
			"this is not the source it was");
	return BL_OK;
}

/* ---- as it is written ------------------------------------------------------------------------------------- */

static json_t *encode(const struct job *job)
{
	char ranges[HEX_SIZE(DIGEST)];
	const struct image_choice_report *left = &job->left_out;

	sodium_bin2hex(ranges, sizeof(ranges), job->ranges, DIGEST);
	return json_pack(
		"{s:i,s:s,s:s,s:I,s:{s:I,s:I,s:I},s:s,s:{s:I,s:I,s:b},s:{s:I,s:I,s:I,s:I,s:I,s:I},"
		"s:s,s:I,s:I,s:b}",
		"version", VERSION, "form", FORMS[job->form], "container", job->container, "size",
		(json_int_t)job->size, "source", "dev", (json_int_t)job->source_dev, "ino",
		(json_int_t)job->source_ino, "mtime_ns", (json_int_t)job->source_mtime_ns, "choice",
		job->choice ? job->choice : "", "patterns", "without", (json_int_t)job->without,
		"only", (json_int_t)job->only, "no_free_space", (int)job->no_free_space, "left_out",
		"files", (json_int_t)left->files, "files_left_out",
		(json_int_t)left->files_left_out, "bytes", (json_int_t)left->bytes_left_out,
		"free_bytes", (json_int_t)left->free_bytes, "volumes_left_out",
		(json_int_t)left->volumes_left_out, "volumes_kept_whole",
		(json_int_t)left->volumes_kept_whole, "ranges", ranges, "begun",
		(json_int_t)job->begun_unix, "resumed", (json_int_t)job->resumed, "abandoned",
		(int)job->is_abandoned);
}

static bool decode_fields(json_t *json, struct job *job)
{
	json_int_t size, dev, ino, mtime, without, only, files, gone, bytes, space, out, kept,
		begun, resumed;
	int version, no_free_space, abandoned;
	const char *form, *container, *choice, *ranges;
	size_t digest_length, at = 0;

	if (json_unpack_ex(json, NULL, JSON_STRICT,
			   "{s:i,s:s,s:s,s:I,s:{s:I,s:I,s:I},s:s,s:{s:I,s:I,s:b},"
			   "s:{s:I,s:I,s:I,s:I,s:I,s:I},s:s,s:I,s:I,s:b}",
			   "version", &version, "form", &form, "container", &container, "size",
			   &size, "source", "dev", &dev, "ino", &ino, "mtime_ns", &mtime, "choice",
			   &choice, "patterns", "without", &without, "only", &only, "no_free_space",
			   &no_free_space, "left_out", "files", &files, "files_left_out", &gone,
			   "bytes", &bytes, "free_bytes", &space, "volumes_left_out", &out,
			   "volumes_kept_whole", &kept, "ranges", &ranges, "begun", &begun,
			   "resumed", &resumed, "abandoned", &abandoned) != 0 ||
	    version != VERSION || strlen(container) >= sizeof(job->container) ||
	    sodium_hex2bin(job->ranges, DIGEST, ranges, strlen(ranges), NULL, &digest_length,
			   NULL) != 0 ||
	    digest_length != DIGEST)
		return false;
	while (at < BL_COUNT(FORMS) && strcmp(FORMS[at], form) != 0)
		at++;
	if (at == BL_COUNT(FORMS))
		return false;
	job->form = (enum intake_form)at;
	memcpy(job->container, container, strlen(container) + 1);
	job->size = (uint64_t)size;
	job->source_dev = (uint64_t)dev;
	job->source_ino = (uint64_t)ino;
	job->source_mtime_ns = mtime;
	job->without = (size_t)without;
	job->only = (size_t)only;
	job->no_free_space = no_free_space;
	job->left_out = (struct image_choice_report){.files = (uint64_t)files,
						     .files_left_out = (uint64_t)gone,
						     .bytes_left_out = (uint64_t)bytes,
						     .free_bytes = (uint64_t)space,
						     .volumes_left_out = (unsigned)out,
						     .volumes_kept_whole = (unsigned)kept};
	job->begun_unix = begun;
	job->resumed = (uint64_t)resumed;
	job->is_abandoned = abandoned;
	job->choice = *choice ? strdup(choice) : NULL;
	return !*choice || job->choice;
}

/* ---- the file --------------------------------------------------------------------------------------------- */

struct bytes {
	uint8_t *bytes;
	size_t length;
};

static void bytes_done(struct bytes *bytes)
{
	if (bytes->bytes)
		sodium_memzero(bytes->bytes, bytes->length);
	free(bytes->bytes);
}
#define BYTES_CLEANUP __attribute__((cleanup(bytes_done)))

static void key_done(uint8_t (*key)[VAULT_KEY])
{
	sodium_memzero(*key, sizeof(*key));
}
#define KEY_CLEANUP __attribute__((cleanup(key_done)))

static void label_of(const char *id, char out[BL_DEVICE_ID_SIZE + 8])
{
	snprintf(out, BL_DEVICE_ID_SIZE + 8, "intake:%s", id);
}

static int open_image(int device_fd)
{
	return openat(device_fd, SEALED_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static enum bl_status write_whole(int fd, const uint8_t *bytes, size_t length)
{
	while (length) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return BL_IO;
		bytes += put;
		length -= (size_t)put;
	}
	return BL_OK;
}

static enum bl_status replace(int device_fd, const struct bytes *sealed, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int image = open_image(device_fd);
	BL_CLEANUP(fd_close)
	int fd = openat(device_fd, TEMPORARY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (image < 0 || fd < 0)
		return bl_fail_errno(why, BL_IO, "cannot write down what this intake is to do");
	if (write_whole(fd, sealed->bytes, sealed->length) != BL_OK || fsync(fd) != 0 ||
	    renameat(device_fd, TEMPORARY, image, NAME) != 0 || fsync(image) != 0) {
		bl_fail_errno(why, BL_IO, "cannot write down what this intake is to do");
		unlinkat(device_fd, TEMPORARY, 0);
		return BL_IO;
	}
	return BL_OK;
}

static enum bl_status pack(const struct job *job, const struct sealed_gap *unreadable, size_t count,
			   struct bytes *out, struct bl_error *why)
{
	JSON_CLEANUP json_t *json = encode(job);
	BL_CLEANUP(bl_free) char *text = json ? json_dumps(json, CANONICAL) : NULL;
	size_t length = text ? strlen(text) : 0;

	if (text && length > JSON_MOST)
		return bl_fail(why, BL_TOO_LARGE, "the patterns of this intake are too long");
	out->length = HEAD + length + count * PAIR;
	out->bytes = text ? malloc(out->length) : NULL;
	if (!out->bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	bl_put32(out->bytes, (uint32_t)length);
	memcpy(out->bytes + HEAD, text, length);
	for (size_t i = 0; i < count; i++) {
		bl_put64(out->bytes + HEAD + length + i * PAIR, unreadable[i].offset);
		bl_put64(out->bytes + HEAD + length + i * PAIR + 8, unreadable[i].length);
	}
	return BL_OK;
}

enum bl_status job_save(struct vault *vault, int device_fd, const char *id, const struct job *job,
			const struct sealed_gap *unreadable, size_t count, struct bl_error *why)
{
	BYTES_CLEANUP struct bytes plain = {0};
	BYTES_CLEANUP struct bytes sealed = {0};
	KEY_CLEANUP uint8_t key[VAULT_KEY] = {0};
	char label[BL_DEVICE_ID_SIZE + 8];
	enum bl_status status = vault_device_key(vault, id, VAULT_RECORD, key, why);

	if (status == BL_OK)
		status = pack(job, unreadable, count, &plain, why);
	if (status != BL_OK)
		return status;
	sealed.length = plain.length + VAULT_SEAL_OVERHEAD;
	sealed.bytes = malloc(sealed.length);
	if (!sealed.bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	label_of(id, label);
	status = vault_seal(key, label, plain.bytes, plain.length, sealed.bytes);
	return status == BL_OK ? replace(device_fd, &sealed, why) : status;
}

static enum bl_status tampered(struct bl_error *why)
{
	return bl_fail(why, BL_TAMPERED,
		       "what this intake was asked to do ('" NAME "') was changed");
}

static enum bl_status read_whole(int fd, struct bytes *out, struct bl_error *why)
{
	size_t at = 0;

	while (at < out->length) {
		ssize_t got = pread(fd, out->bytes + at, out->length - at, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read '" NAME "' of the image");
		if (got == 0)
			return tampered(why);
		at += (size_t)got;
	}
	return BL_OK;
}

static enum bl_status load_sealed(int device_fd, struct bytes *out, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int image = open_image(device_fd);
	BL_CLEANUP(fd_close)
	int fd = image < 0 ? -1
			   : openat(image, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "no intake is unfinished");
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '" NAME "' of the image");
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 0077 ||
	    st.st_size < (off_t)(VAULT_SEAL_OVERHEAD + HEAD) ||
	    (uint64_t)st.st_size > PLAIN_MOST + VAULT_SEAL_OVERHEAD)
		return tampered(why);
	out->length = (size_t)st.st_size;
	out->bytes = malloc(out->length);
	if (!out->bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	return read_whole(fd, out, why);
}

static enum bl_status unpack_gaps(const uint8_t *pairs, size_t count, struct gaps *gaps,
				  struct bl_error *why)
{
	uint64_t end = 0;

	for (size_t i = 0; i < count; i++, pairs += PAIR) {
		uint64_t offset = bl_get64(pairs), length = bl_get64(pairs + 8);

		if (!length || length > SEALED_MOST || offset > SEALED_MOST || offset < end)
			return tampered(why);
		end = offset + length;

		enum bl_status status = gaps_add(gaps, offset, length, why);

		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

/* Sealed by us, and still read as if it were not: whoever has the keys is not always who wrote it. */
static enum bl_status unpack(const struct bytes *plain, struct job *job, struct gaps *gaps,
			     struct bl_error *why)
{
	size_t length = bl_get32(plain->bytes), rest = plain->length - HEAD;

	if (length > JSON_MOST || length > rest || (rest - length) % PAIR)
		return tampered(why);

	JSON_CLEANUP json_t *json =
		json_loadb((const char *)plain->bytes + HEAD, length, JSON_REJECT_DUPLICATES, NULL);

	if (!json || !decode_fields(json, job))
		return tampered(why);
	return unpack_gaps(plain->bytes + HEAD + length, (rest - length) / PAIR, gaps, why);
}

enum bl_status job_load(struct vault *vault, int device_fd, const char *id, struct job *out_job,
			struct gaps *out_gaps, struct bl_error *why)
{
	BYTES_CLEANUP struct bytes sealed = {0};
	BYTES_CLEANUP struct bytes plain = {0};
	KEY_CLEANUP uint8_t key[VAULT_KEY] = {0};
	struct job job = {0};
	char label[BL_DEVICE_ID_SIZE + 8];
	enum bl_status status = load_sealed(device_fd, &sealed, why);

	if (status == BL_OK)
		status = vault_device_key(vault, id, VAULT_RECORD, key, why);
	if (status != BL_OK)
		return status;
	plain.length = sealed.length - VAULT_SEAL_OVERHEAD;
	plain.bytes = calloc(1, plain.length);
	if (!plain.bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	label_of(id, label);
	if (vault_unseal(key, label, sealed.bytes, sealed.length, plain.bytes, NULL) != BL_OK)
		return tampered(why);
	status = unpack(&plain, &job, out_gaps, why);
	if (status != BL_OK) {
		job_done(&job);
		return status;
	}
	*out_job = job;
	return BL_OK;
}

bool job_is_there(int device_fd)
{
	BL_CLEANUP(fd_close) int image = open_image(device_fd);
	struct stat st;

	return image >= 0 && fstatat(image, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum bl_status job_remove(int device_fd, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int image = open_image(device_fd);

	if (image < 0)
		return bl_fail_errno(why, BL_IO, "cannot open the folder of the image");
	if ((unlinkat(image, NAME, 0) != 0 && errno != ENOENT) || fsync(image) != 0)
		return bl_fail_errno(why, BL_IO, "cannot remove '" NAME "' of the image");
	return BL_OK;
}
