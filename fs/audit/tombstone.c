#include "fs/audit/tombstone.h"

#include "fs/audit/signed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORIGIN	    "bailee.log-tombstone/v1"
#define BASE64	    sodium_base64_VARIANT_ORIGINAL
#define NEW_FILE    "tomb.new"
#define PREFIX	    "tomb."
#define ID_AT	    24u
#define NUMBERS_AT  57u	 /* five */
#define CHAINS_AT   162u /* two */
#define TIMES_AT    252u /* two */
#define TEXT_SIZE   294u /* signed part */
#define NUMBER_LINE 21u
#define CHAIN_LINE  (SIGNED_CHAIN + 1)

_Static_assert(ID_AT == sizeof(ORIGIN) && NUMBERS_AT == ID_AT + 2 * LOG_ID_SIZE + 1 &&
		       CHAINS_AT == NUMBERS_AT + 5 * NUMBER_LINE &&
		       TIMES_AT == CHAINS_AT + 2 * CHAIN_LINE &&
		       TEXT_SIZE == TIMES_AT + 2 * NUMBER_LINE,
	       "each line begins where the one before ends");
_Static_assert(SIGNED_SIZE(TEXT_SIZE, sizeof(ORIGIN) - 1) == TOMBSTONE_SIZE, "the parts fill it");

void tombstone_name(uint64_t first_sequence, char out[TOMBSTONE_NAME_SIZE])
{
	snprintf(out, TOMBSTONE_NAME_SIZE, PREFIX "%016" PRIx64, first_sequence);
}

bool tombstone_name_parse(const char *name, uint64_t *out_first_sequence)
{
	const size_t before = sizeof(PREFIX) - 1;
	uint8_t bytes[8];
	char again[TOMBSTONE_NAME_SIZE];
	uint64_t value = 0;

	if (strncmp(name, PREFIX, before) != 0 || strlen(name) != TOMBSTONE_NAME_SIZE - 1 ||
	    sodium_hex2bin(bytes, sizeof(bytes), name + before, 16, NULL, NULL, NULL) != 0)
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		value = value << 8 | bytes[i];
	/* Lower case only. */
	tombstone_name(value, again);
	if (strcmp(again, name) != 0)
		return false;
	*out_first_sequence = value;
	return true;
}

/* ---- the note -------------------------------------------------------------------------------- */

static void write_text(const struct tombstone *tombstone, char out[TOMBSTONE_SIZE + 1])
{
	char id[2 * LOG_ID_SIZE + 1], previous[SIGNED_CHAIN + 1], chain[SIGNED_CHAIN + 1];

	sodium_bin2hex(id, sizeof(id), tombstone->log_id, LOG_ID_SIZE);
	sodium_bin2base64(previous, sizeof(previous), tombstone->previous_chain, AUDIT_DIGEST,
			  BASE64);
	sodium_bin2base64(chain, sizeof(chain), tombstone->chain, AUDIT_DIGEST, BASE64);
	snprintf(out, TOMBSTONE_SIZE + 1,
		 ORIGIN "\n%s\n%020" PRIu64 "\n%020" PRIu64 "\n%020" PRIu64 "\n%020" PRIu64
			"\n%020" PRIu64 "\n%s\n%s\n%020" PRIu64 "\n%020" PRIu64 "\n",
		 id, tombstone->number, tombstone->first_sequence, tombstone->last_sequence,
		 tombstone->first_frame, tombstone->last_frame, previous, chain,
		 (uint64_t)tombstone->begun_s, (uint64_t)tombstone->removed_s);
}

void tombstone_write(const struct tombstone *tombstone, const struct vault *vault,
		     char out[TOMBSTONE_SIZE])
{
	char text[TOMBSTONE_SIZE + 1];

	write_text(tombstone, text);
	signed_finish(ORIGIN, vault, text, TEXT_SIZE);
	memcpy(out, text, TOMBSTONE_SIZE);
}

static bool take_numbers(const char *bytes, struct tombstone *out)
{
	uint64_t *const numbers[] = {&out->number, &out->first_sequence, &out->last_sequence,
				     &out->first_frame, &out->last_frame};
	uint64_t begun, removed;

	for (size_t i = 0; i < BL_COUNT(numbers); i++)
		if (!signed_number(bytes + NUMBERS_AT + i * NUMBER_LINE, numbers[i]))
			return false;
	if (!signed_number(bytes + TIMES_AT, &begun) ||
	    !signed_number(bytes + TIMES_AT + NUMBER_LINE, &removed))
		return false;
	out->begun_s = (int64_t)begun;
	out->removed_s = (int64_t)removed;
	return true;
}

static bool take_text(const char *bytes, struct tombstone *out)
{
	char again[TOMBSTONE_SIZE + 1];
	size_t got;

	if (sodium_hex2bin(out->log_id, LOG_ID_SIZE, bytes + ID_AT, 2 * LOG_ID_SIZE, NULL, &got,
			   NULL) != 0 ||
	    got != LOG_ID_SIZE || !take_numbers(bytes, out) ||
	    !signed_chain(bytes + CHAINS_AT, out->previous_chain) ||
	    !signed_chain(bytes + CHAINS_AT + CHAIN_LINE, out->chain))
		return false;
	write_text(out, again);
	/* A segment that may go holds a frame at least, and a frame holds a record. */
	return memcmp(again, bytes, TEXT_SIZE) == 0 && out->number >= 1 &&
	       out->first_sequence >= 1 && out->last_sequence >= out->first_sequence &&
	       out->first_frame >= 1 && out->last_frame >= out->first_frame &&
	       out->last_frame - out->first_frame < TOMBSTONE_FRAMES;
}

bool tombstone_parse(const char *bytes, size_t length, const uint8_t public_key[VAULT_PUBLIC_KEY],
		     struct tombstone *out)
{
	return length == TOMBSTONE_SIZE && take_text(bytes, out) &&
	       signed_ok(ORIGIN, bytes, TEXT_SIZE, TOMBSTONE_SIZE, public_key);
}

void tombstone_detail(uint64_t number, const char bytes[TOMBSTONE_SIZE],
		      char out[AUDIT_DETAIL_SIZE])
{
	uint8_t sum[AUDIT_DIGEST];
	char hex[2 * AUDIT_DIGEST + 1];

	format_leaf((const uint8_t *)bytes, TOMBSTONE_SIZE, sum);
	sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
	snprintf(out, AUDIT_DETAIL_SIZE, "segment %" PRIu64 " blake2b=%s", number, hex);
}

/* ---- its file -------------------------------------------------------------------------------- */

static enum bl_status read_file(int log_fd, const char *name, char out[TOMBSTONE_SIZE],
				struct bl_error *why)
{
	struct stat st;
	BL_CLEANUP(fd_close)
	int fd = openat(log_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return bl_fail(why, BL_NOT_FOUND, "there is no '%s'", name);
	if (fd < 0 && errno == ELOOP)
		return bl_fail(why, BL_TAMPERED, "'%s' is not a regular file", name);
	if (fd < 0 || fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return bl_fail(why, BL_TAMPERED, "'%s' is not a regular file", name);
	if (st.st_size != TOMBSTONE_SIZE)
		return bl_fail(why, BL_TAMPERED, "'%s' does not have its size", name);

	ssize_t got = pread(fd, out, TOMBSTONE_SIZE, 0);

	if (got < 0)
		return bl_fail_errno(why, BL_IO, "cannot read '%s'", name);
	if ((size_t)got != TOMBSTONE_SIZE)
		return bl_fail(why, BL_TAMPERED, "'%s' does not have its size", name);
	return BL_OK;
}

enum bl_status tombstone_read(int log_fd, uint64_t first_sequence,
			      const uint8_t public_key[VAULT_PUBLIC_KEY], struct tombstone *out,
			      char out_bytes[TOMBSTONE_SIZE], struct bl_error *why)
{
	char name[TOMBSTONE_NAME_SIZE], bytes[TOMBSTONE_SIZE];

	tombstone_name(first_sequence, name);

	enum bl_status status = read_file(log_fd, name, bytes, why);

	if (status != BL_OK)
		return status;
	if (!tombstone_parse(bytes, sizeof(bytes), public_key, out))
		return bl_fail(why, BL_TAMPERED, "'%s' is not signed by this key", name);
	if (out->first_sequence != first_sequence)
		return bl_fail(why, BL_TAMPERED, "'%s' speaks of another segment", name);
	if (out_bytes)
		memcpy(out_bytes, bytes, sizeof(bytes));
	return BL_OK;
}

enum bl_status tombstone_keep(const struct audit_io *io, int log_fd, uint64_t first_sequence,
			      const char bytes[TOMBSTONE_SIZE], struct bl_error *why)
{
	static const char WHAT[] = "a tombstone";
	char name[TOMBSTONE_NAME_SIZE];
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status =
		io_open(io, log_fd, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC, &fd, why);

	tombstone_name(first_sequence, name);
	if (status == BL_OK)
		status = io_write(io, fd, bytes, TOMBSTONE_SIZE, 0, WHAT, why);
	if (status == BL_OK)
		status = io_sync(io, fd, WHAT, why);
	if (status == BL_OK)
		status = io_rename(io, log_fd, NEW_FILE, name, why);
	if (status == BL_OK)
		status = io_sync_folder(io, log_fd, "the log's folder", why);
	return status;
}
