/* A sealed image's files are written by us and changed by anybody: each is read as what we would write, or refused. */
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fs/vault/sealed-part.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define GROUPS 6
#define ROWS   3 /* that are tried of a rewrite: each is a MiB */
#define FRONT  (8 + SEALED_GROUP_INDEX)

static const uint8_t ROOT[VAULT_KEY] = {1}, VAULT[SEALED_ID] = {2};
static const uint64_t IMAGE_BYTES = (GROUPS - 1) * (uint64_t)SEALED_GROUP + 1;

/* What every refusal has: one line of words. */
static bool is_refused(enum bl_status status, const struct bl_error *why)
{
	if (status != BL_OK && (!*why->text || strpbrk(why->text, "\n\x1b")))
		abort();
	return status != BL_OK;
}

/* ---- header: a page; flags make checksum and MAC right ----------------------------------------- */

static void make_right(uint8_t page[SEALED_PAGE], unsigned flags)
{
	uint8_t key[VAULT_KEY];

	sealed_derive(ROOT, "bailee image header", "", 0, key);
	if (flags & 1)
		crypto_generichash(page + 4032, SEALED_HASH, page, 4032, key, sizeof(key));
	if (flags & 2)
		sealed_hash(page, 4064, page + 4064);
}

static void check_header(const uint8_t *bytes, size_t length, unsigned flags)
{
	uint8_t page[SEALED_PAGE] = {0}, again[SEALED_PAGE];
	struct sealed_header header;
	struct bl_error why = {.text = ""};

	memcpy(page, bytes, BL_MIN(length, sizeof(page)));
	make_right(page, flags);
	if (is_refused(sealed_header_decode(page, ROOT, &header, &why), &why))
		return;
	if (header.levels < 1 || header.levels > SEALED_LEVELS ||
	    header.image_bytes > SEALED_MOST || header.generation >= header.reserved ||
	    !bl_device_id_ok(header.device))
		abort();
	sealed_header_encode(&header, ROOT, again);
	if (memcmp(page, again, sizeof(page)) != 0)
		abort();
}

/* ---- gaps: the bytes that were sealed ---------------------------------------------------------- */

static void check_gaps(const uint8_t *bytes, size_t length, unsigned flags BL_UNUSED)
{
	struct sealed_gap *gaps = NULL;
	size_t count = 0;
	struct bl_error why = {.text = ""};

	if (is_refused(sealed_gaps_decode(bytes, length, IMAGE_BYTES, &gaps, &count, &why), &why))
		return;
	if (count == 0 || !sealed_gaps_ok(gaps, count, IMAGE_BYTES))
		abort();
	free(gaps);
}

/* ---- entries of nodes and of the index: no byte has a second meaning --------------------------- */

static void check_entries(const uint8_t *bytes, size_t length, unsigned flags BL_UNUSED)
{
	uint8_t entry[SEALED_ENTRY] = {0}, again[SEALED_ENTRY];
	struct tree_entry node;
	struct chunk_index chunk;

	memcpy(entry, bytes, BL_MIN(length, sizeof(entry)));
	if (tree_entry_decode(entry, &node)) {
		tree_entry_encode(&node, again);
		if (node.side > 1 || memcmp(entry, again, SEALED_ENTRY) != 0)
			abort();
	}
	if (chunk_index_decode(entry, &chunk)) {
		chunk_index_encode(&chunk, again);
		if (memcmp(entry, again, SEALED_INDEX_ENTRY) != 0)
			abort();
	}
}

/* ---- rewrite: its head, then the front of each row --------------------------------------------- */

struct disk {
	int rewrite, data, index;
};

static int open_at(void *context, int dir_fd BL_UNUSED, const char *name, int flags BL_UNUSED,
		   unsigned mode BL_UNUSED)
{
	const struct disk *disk = context;

	if (strcmp(name, REWRITE) != 0)
		abort();
	return fcntl(disk->rewrite, F_DUPFD_CLOEXEC, 3);
}

/* Nothing is ever written past the image. */
static ssize_t write_at(void *context, int fd, const void *bytes BL_UNUSED, size_t length,
			uint64_t offset)
{
	const struct disk *disk = context;
	uint64_t most = fd == disk->data    ? GROUPS * (uint64_t)SEALED_GROUP
			: fd == disk->index ? GROUPS * (uint64_t)SEALED_GROUP_INDEX
					    : 0;

	if (offset > most || length > most - offset)
		abort();
	return (ssize_t)length;
}

static int do_sync(void *context BL_UNUSED, int fd BL_UNUSED)
{
	return 0;
}

static void hash_rows(int fd, size_t rows, uint8_t *room, uint8_t out[SEALED_HASH])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, SEALED_HASH);
	for (size_t row = 0; row < rows; row++) {
		if (pread(fd, room, REWRITE_ROW, (off_t)(REWRITE_HEAD + row * REWRITE_ROW)) !=
		    (ssize_t)REWRITE_ROW)
			abort();
		crypto_generichash_update(&state, room, REWRITE_ROW);
	}
	crypto_generichash_final(&state, out, SEALED_HASH);
}

/* Flags: 1 magic and vault, 2 the count, 4 the hash are right; 8: cut by a byte. */
static void make_rewrite(int fd, const uint8_t *bytes, size_t length, unsigned flags, uint8_t *room)
{
	uint8_t head[REWRITE_HEAD] = {0};
	size_t in_head = BL_MIN(length, sizeof(head));
	size_t rows = BL_MIN((length - in_head) / FRONT, (size_t)ROWS);

	memcpy(head, bytes, in_head);
	if (ftruncate(fd, (off_t)(REWRITE_HEAD + rows * REWRITE_ROW)) != 0)
		abort();
	for (size_t row = 0; row < rows; row++)
		if (pwrite(fd, bytes + in_head + row * FRONT, FRONT,
			   (off_t)(REWRITE_HEAD + row * REWRITE_ROW)) != FRONT)
			abort();
	if (flags & 1) {
		memcpy(head, "BVREWR1", 8);
		memcpy(head + 16, VAULT, SEALED_ID);
	}
	if (flags & 2)
		bl_put64(head + 8, rows);
	if (flags & 4)
		hash_rows(fd, rows, room, head + 32);
	if (pwrite(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    (flags & 8 && ftruncate(fd, (off_t)(REWRITE_HEAD + rows * REWRITE_ROW - 1)) != 0))
		abort();
}

static void read_rewrite(struct part *part)
{
	BL_CLEANUP(fd_close) int fd = -1;
	uint64_t rows = 0;
	struct bl_error why = {.text = ""};

	if (is_refused(rewrite_open(part, &fd, &rows, &why), &why))
		return;
	if (rows > ROWS || is_refused(rewrite_load(part, fd, rows, &why), &why))
		return;
	if (part->group_count != rows)
		abort();
	for (size_t i = 0; i < part->group_count; i++)
		if (part->groups[i] >= GROUPS || (i && part->groups[i] <= part->groups[i - 1]))
			abort();
	if (rewrite_copy(part, fd, &why) != BL_OK)
		abort();
}

static void check_rewrite(const uint8_t *bytes, size_t length, unsigned flags)
{
	struct disk disk = {
		.rewrite = memfd_create("rewrite", MFD_CLOEXEC), .data = -2, .index = -3};
	const struct sealed_io io = {
		.open_at = open_at, .write_at = write_at, .sync = do_sync, .context = &disk};
	struct part part = {.files = {.folder = -1,
				      .header = -1,
				      .keys = -1,
				      .data = disk.data,
				      .index = disk.index,
				      .io = &io},
			    .header = {.image_bytes = IMAGE_BYTES},
			    .room = malloc(REWRITE_ROW)};

	if (disk.rewrite < 0 || !part.room)
		abort();
	memcpy(part.header.vault_id, VAULT, SEALED_ID);
	make_rewrite(disk.rewrite, bytes, length, flags, part.room);
	read_rewrite(&part);
	free(part.groups);
	free(part.room);
	close(disk.rewrite);
}

/* The first byte says what it is, the second what is made right. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static void (*const CHECKS[])(const uint8_t *, size_t, unsigned) = {
		check_header, check_gaps, check_entries, check_rewrite};

	if (length < 2 || sodium_init() < 0)
		return 0;
	CHECKS[bytes[0] % BL_COUNT(CHECKS)](bytes + 2, length - 2, bytes[1]);
	return 0;
}
