#include "fs/vault/sealed-format.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

static const uint8_t MAGIC[8] = "BVAULT1";

#define VERSION	    1
#define AT_RESERVED 264
#define AT_MAC	    4032
#define AT_CHECKSUM 4064

/* Where each number and each run of bytes lies; the same rows write and read. */
struct number_row {
	size_t at;
	uint64_t value;
};
enum { NUMBERS = 5, RUNS = 7 };

static void list_numbers(const struct sealed_header *header, struct number_row rows[NUMBERS])
{
	const struct number_row all[NUMBERS] = {
		{64, header->generation}, {72, header->image_bytes},	 {80, header->done_bytes},
		{88, header->reserved},	  {112, header->top_generation},
	};

	memcpy(rows, all, sizeof(all));
}

struct run_row {
	size_t at, length;
	const void *bytes;
};

static void list_runs(const struct sealed_header *header, struct run_row rows[RUNS])
{
	const struct run_row all[RUNS] = {
		{16, SEALED_ID, header->vault_id},    {32, BL_DEVICE_ID_SIZE, header->device},
		{120, VAULT_KEY, header->top_key},    {152, SEALED_TAG, header->top_tag},
		{168, SEALED_HASH, header->top_hash}, {200, SEALED_HASH, header->gaps_hash},
		{232, SEALED_HASH, header->digest},
	};

	memcpy(rows, all, sizeof(all));
}

static void header_mac(const uint8_t page[SEALED_PAGE], const uint8_t root[VAULT_KEY],
		       uint8_t out[SEALED_HASH])
{
	uint8_t key[VAULT_KEY];

	sealed_derive(root, "bailee image header", "", 0, key);
	crypto_generichash(out, SEALED_HASH, page, AT_MAC, key, sizeof(key));
	sodium_memzero(key, sizeof(key));
}

void sealed_header_encode(const struct sealed_header *header, const uint8_t root[VAULT_KEY],
			  uint8_t page[SEALED_PAGE])
{
	struct number_row numbers[NUMBERS];
	struct run_row runs[RUNS];

	memset(page, 0, SEALED_PAGE);
	memcpy(page, MAGIC, sizeof(MAGIC));
	bl_put32(page + 8, VERSION);
	bl_put32(page + 12, (uint32_t)header->algorithm);
	bl_put32(page + 96, (uint32_t)header->state);
	bl_put32(page + 100, header->levels);
	bl_put32(page + 104, SEALED_CHUNK);
	bl_put32(page + 108, header->top_side);
	list_numbers(header, numbers);
	for (size_t i = 0; i < NUMBERS; i++)
		bl_put64(page + numbers[i].at, numbers[i].value);
	list_runs(header, runs);
	for (size_t i = 0; i < RUNS; i++)
		memcpy(page + runs[i].at, runs[i].bytes, runs[i].length);
	header_mac(page, root, page + AT_MAC);
	sealed_hash(page, AT_CHECKSUM, page + AT_CHECKSUM);
}

unsigned sealed_levels_for(uint64_t image_bytes)
{
	unsigned levels = 1;

	if (image_bytes == 0)
		return 4;
	while (levels < SEALED_LEVELS && UINT64_C(1) << 6 * levels < sealed_groups(image_bytes))
		levels++;
	return levels;
}

/* A stream's length may have become known since its tree was begun with four levels. */
static bool are_levels_right(const struct sealed_header *header)
{
	unsigned least = sealed_levels_for(header->image_bytes);

	return header->levels == least || (header->levels == 4 && least < 4);
}

static bool is_top_right(const struct sealed_header *header)
{
	if (header->top_generation != 0)
		return header->top_generation < header->reserved && header->top_side <= 1;
	return header->top_side == 0 && sodium_is_zero(header->top_key, VAULT_KEY) &&
	       sodium_is_zero(header->top_tag, SEALED_TAG) &&
	       sodium_is_zero(header->top_hash, SEALED_HASH);
}

static bool is_length_right(const struct sealed_header *header)
{
	uint64_t most = header->image_bytes ? header->image_bytes : SEALED_STREAM_MOST;

	return header->image_bytes <= SEALED_MOST && header->done_bytes <= most &&
	       (header->done_bytes % SEALED_GROUP == 0 ||
		header->done_bytes == header->image_bytes);
}

static bool is_state_right(const struct sealed_header *header)
{
	if (header->state == SEALED_COMPLETE)
		return header->image_bytes != 0 && header->done_bytes == header->image_bytes;
	return header->state == SEALED_INTAKE && sodium_is_zero(header->digest, SEALED_HASH) &&
	       sodium_is_zero(header->gaps_hash, SEALED_HASH);
}

static bool is_device_right(const struct sealed_header *header)
{
	size_t length = strnlen(header->device, BL_DEVICE_ID_SIZE);

	return length < BL_DEVICE_ID_SIZE && bl_device_id_ok(header->device) &&
	       sodium_is_zero((const uint8_t *)header->device + length, BL_DEVICE_ID_SIZE - length);
}

static bool can_be(const uint8_t page[SEALED_PAGE], const struct sealed_header *header)
{
	return sodium_is_zero(page + AT_RESERVED, AT_MAC - AT_RESERVED) &&
	       bl_get32(page + 104) == SEALED_CHUNK &&
	       (header->algorithm == SEALED_AES256_GCM || header->algorithm == SEALED_XCHACHA20) &&
	       header->generation != 0 && header->generation < header->reserved &&
	       header->levels >= 1 && header->levels <= SEALED_LEVELS && header->top_side <= 1 &&
	       is_device_right(header) && is_length_right(header) && is_state_right(header) &&
	       are_levels_right(header) && is_top_right(header);
}

static void read_fields(const uint8_t page[SEALED_PAGE], struct sealed_header *header)
{
	memset(header, 0, sizeof(*header));
	header->algorithm = (enum sealed_algorithm)bl_get32(page + 12);
	header->state = (enum sealed_state)bl_get32(page + 96);
	header->levels = bl_get32(page + 100);
	header->top_side = bl_get32(page + 108);
	header->generation = bl_get64(page + 64);
	header->image_bytes = bl_get64(page + 72);
	header->done_bytes = bl_get64(page + 80);
	header->reserved = bl_get64(page + 88);
	header->top_generation = bl_get64(page + 112);
	memcpy(header->vault_id, page + 16, SEALED_ID);
	memcpy(header->device, page + 32, BL_DEVICE_ID_SIZE);
	memcpy(header->top_key, page + 120, VAULT_KEY);
	memcpy(header->top_tag, page + 152, SEALED_TAG);
	memcpy(header->top_hash, page + 168, SEALED_HASH);
	memcpy(header->gaps_hash, page + 200, SEALED_HASH);
	memcpy(header->digest, page + 232, SEALED_HASH);
}

enum bl_status sealed_header_parse(const uint8_t page[SEALED_PAGE],
				   struct sealed_header *out_header, struct bl_error *why)
{
	uint8_t checksum[SEALED_HASH];
	struct sealed_header header;

	if (sodium_is_zero(page, SEALED_PAGE))
		return bl_fail(why, BL_NOT_FOUND, "the image's header is empty");
	sealed_hash(page, AT_CHECKSUM, checksum);
	if (memcmp(checksum, page + AT_CHECKSUM, SEALED_HASH) != 0 ||
	    memcmp(page, MAGIC, sizeof(MAGIC)) != 0)
		return bl_fail(why, BL_INVALID, "the image's header is torn");
	if (bl_get32(page + 8) != VERSION)
		return bl_fail(why, BL_UNSUPPORTED,
			       "the image is of version %u of its format, this program knows %u "
			       "(use the newer program)",
			       bl_get32(page + 8), VERSION);
	read_fields(page, &header);
	if (!can_be(page, &header))
		return bl_fail(why, BL_TAMPERED, "the image's header says what cannot be");
	*out_header = header;
	return BL_OK;
}

static bool is_mac_right(const uint8_t page[SEALED_PAGE], const uint8_t root[VAULT_KEY])
{
	uint8_t mac[SEALED_HASH];

	header_mac(page, root, mac);
	return sodium_memcmp(mac, page + AT_MAC, SEALED_HASH) == 0;
}

static enum bl_status check_cipher(const struct sealed_header *header, struct bl_error *why)
{
	if (header->algorithm != SEALED_AES256_GCM || sealed_algorithm_here() == SEALED_AES256_GCM)
		return BL_OK;
	return bl_fail(why, BL_UNSUPPORTED,
		       "the image is sealed with AES-256-GCM, which this host does not have in "
		       "hardware (move the store to a host with AES instructions)");
}

enum bl_status sealed_header_decode(const uint8_t page[SEALED_PAGE], const uint8_t *root,
				    struct sealed_header *out_header, struct bl_error *why)
{
	struct sealed_header header;
	enum bl_status status = sealed_header_parse(page, &header, why);

	if (status == BL_OK && root && !is_mac_right(page, root))
		status = bl_fail(why, BL_TAMPERED, "the image's header is not what was written");
	if (status == BL_OK)
		status = check_cipher(&header, why);
	if (status == BL_OK)
		*out_header = header;
	return status;
}

/* ---- the two slots --------------------------------------------------------------------------- */

struct slots {
	struct sealed_header headers[2];
	bool are_whole[2];
};

/* Zeros and torn pages are what a crash leaves; anything else that does not parse is not ours to explain away. */
static enum bl_status parse_slots(const uint8_t pages[2 * SEALED_PAGE], struct slots *slots,
				  struct bl_error *why)
{
	for (unsigned i = 0; i < 2; i++) {
		enum bl_status status = sealed_header_parse(pages + i * (size_t)SEALED_PAGE,
							    &slots->headers[i], why);

		slots->are_whole[i] = status == BL_OK;
		if (status != BL_OK && status != BL_NOT_FOUND && status != BL_INVALID)
			return status;
	}
	return BL_OK;
}

static enum bl_status choose_slot(const struct slots *slots, unsigned *out_slot,
				  struct bl_error *why)
{
	uint64_t a = slots->headers[0].generation, b = slots->headers[1].generation;

	if (!slots->are_whole[0] && !slots->are_whole[1])
		return bl_fail(why, BL_TAMPERED, "the image has no whole header of its own");
	if (slots->are_whole[0] && slots->are_whole[1] && a == b)
		return bl_fail(why, BL_TAMPERED, "the image has two headers of one generation");
	*out_slot = !slots->are_whole[0] || (slots->are_whole[1] && b > a);
	return BL_OK;
}

static bool is_rewritten(const struct sealed_files *files)
{
	struct stat st;

	return fstatat(files->folder, "rewrite", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum bl_status check_macs(const struct sealed_files *files, const uint8_t *pages,
				 const uint8_t root[VAULT_KEY], struct slots *slots,
				 struct bl_error *why)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!slots->are_whole[i] || is_mac_right(pages + i * (size_t)SEALED_PAGE, root))
			continue;
		if (!is_rewritten(files))
			return bl_fail(why, BL_TAMPERED,
				       "the image's header is not what was written");
		slots->are_whole[i] = false;
	}
	return BL_OK;
}

static enum bl_status read_slots(const struct sealed_files *files, const uint8_t *root,
				 struct sealed_header *out_header, unsigned *out_slot,
				 struct bl_error *why)
{
	_Alignas(SEALED_PAGE) uint8_t pages[2 * SEALED_PAGE];
	struct slots slots = {.are_whole = {false, false}};
	enum bl_status status =
		sealed_read_at(files->header, pages, sizeof(pages), 0, "header", why);

	if (status == BL_OK)
		status = parse_slots(pages, &slots, why);
	if (status == BL_OK && root)
		status = check_macs(files, pages, root, &slots, why);
	if (status == BL_OK)
		status = choose_slot(&slots, out_slot, why);
	if (status == BL_OK)
		*out_header = slots.headers[*out_slot];
	return status;
}

enum bl_status sealed_header_peek(const struct sealed_files *files, const char *id,
				  const uint8_t *root, struct sealed_header *out_header,
				  struct bl_error *why)
{
	struct sealed_header header;
	unsigned slot = 0;
	enum bl_status status = read_slots(files, root, &header, &slot, why);

	if (status != BL_OK)
		return status;
	if (strcmp(header.device, id) != 0)
		return bl_fail(why, BL_TAMPERED, "the image is another device's");
	*out_header = header;
	return BL_OK;
}

enum bl_status sealed_header_read(const struct sealed_files *files, const char *id,
				  const uint8_t root[VAULT_KEY], struct sealed_header *out_header,
				  unsigned *out_slot, struct bl_error *why)
{
	struct sealed_header header;
	unsigned slot = 0;
	enum bl_status status = read_slots(files, root, &header, &slot, why);

	if (status == BL_OK && strcmp(header.device, id) != 0)
		status = bl_fail(why, BL_TAMPERED, "the image is another device's");
	if (status == BL_OK)
		status = check_cipher(&header, why);
	if (status == BL_OK)
		status = sealed_files_fit(files, &header, why);
	if (status != BL_OK)
		return status;
	*out_header = header;
	*out_slot = slot;
	return BL_OK;
}

enum bl_status sealed_header_write(const struct sealed_files *files,
				   const struct sealed_header *header,
				   const uint8_t root[VAULT_KEY], unsigned *inout_slot,
				   struct bl_error *why)
{
	_Alignas(SEALED_PAGE) uint8_t page[SEALED_PAGE];
	unsigned slot = 1 - *inout_slot;

	sealed_header_encode(header, root, page);

	/* Open for O_DSYNC: durable on return. */
	enum bl_status status = sealed_io_write(files->io, files->header, page, sizeof(page),
						slot * (uint64_t)SEALED_PAGE, "header", why);

	if (status == BL_OK)
		*inout_slot = slot;
	return status;
}
