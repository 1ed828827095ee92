/*
 * reader.c - the sealed reader over images that are broken where it matters: it may refuse, and what it answers keeps its promises
 *
 * Input: tests/fuzz/images/broken-image.h. Everything that can be reached is asked for, up to a bound. In process, without the seal: what
 * crashes libtsk or libext2fs stops here, and is tried again through the real program (tests/unit/fs/image/crashers.c).
 */
#include "fs/image/reader/reader.h"
#include "tests/fuzz/images/broken-image.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NODES	   160 /* asked for in one volume */
#define BUDGET	   512 /* blocks of one call */
#define READ_BYTES 65536u
#define USED_PAGES 8

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);
/* libFuzzer's; not there when a corpus is replayed. */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room) __attribute__((weak));

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

struct source {
	const uint8_t *bytes;
	size_t size;
};

static int fetch(void *context, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	const struct source *source = context;

	must(length > 0 && length <= BLOCKS_PAGE && offset <= source->size &&
	     length <= source->size - offset);
	*out_bytes = source->bytes + offset;
	return 0;
}

/* ---- what an answer promises ------------------------------------------------------------------------- */

static void check_names(const struct listing *listing)
{
	must(listing->count <= READER_ENTRIES);
	for (size_t i = 0; i < listing->count; i++) {
		const struct listed *item = &listing->items[i];
		const char *name = listing->names + item->name;

		must(item->name_length >= 1 && item->name_length <= READER_NAME_LIMIT);
		must(!memchr(name, '/', item->name_length) && !memchr(name, 0, item->name_length));
		must(!(name[0] == '.' &&
		       (item->name_length == 1 || (item->name_length == 2 && name[1] == '.'))));
	}
}

static void check_map(const struct tree *tree, const struct runs *runs,
		      const struct wire_attr *attr)
{
	uint64_t end = 0;

	for (size_t i = 0; i < runs->count; i++) {
		const struct wire_run *run = &runs->items[i];

		must(run->length > 0 && run->file_offset >= end);
		end = run->file_offset + run->length;
		must(end <= attr->size_bytes);
		must(run->image_offset >= tree->offset &&
		     run->length <= tree->length - (run->image_offset - tree->offset));
	}
	if (attr->lies_at && attr->size_bytes)
		must(runs->count == 1 && runs->items[0].image_offset == attr->lies_at &&
		     runs->items[0].length == attr->size_bytes);
}

static void check_places(const struct tree *tree, struct runs *runs)
{
	uint64_t end = 0;

	runs_sort(runs);
	for (size_t i = 0; i < runs->count; i++) {
		const struct wire_run *run = &runs->items[i];

		must(run->length > 0 && run->file_offset == 0);
		must(i == 0 || run->image_offset > end);
		end = run->image_offset + run->length;
		must(run->image_offset >= tree->offset && end - tree->offset <= tree->length);
	}
}

/* ---- asking for everything ------------------------------------------------------------------------------ */

struct walk {
	struct tree *tree;
	struct blocks *blocks;
	struct listing listing;
	uint64_t nodes[NODES];
	size_t count;
};

static void begin_call(struct walk *walk)
{
	walk->blocks->budget = BUDGET;
}

static void ask_file(struct walk *walk, uint64_t inode, const struct wire_attr *attr)
{
	static uint8_t out[READ_BYTES];
	struct runs runs = {0};
	size_t got = 0;

	begin_call(walk);
	if (!walk->tree->ops->map(walk->tree, inode, &runs))
		check_map(walk->tree, &runs, attr);
	runs_done(&runs);
	for (uint64_t at = 0; at < attr->size_bytes && at < 3 * READ_BYTES; at += READ_BYTES) {
		begin_call(walk);
		if (!walk->tree->ops->read(walk->tree, inode, at, out, sizeof(out), &got))
			must(got <= sizeof(out));
	}
	begin_call(walk);
	if (!walk->tree->ops->places(walk->tree, inode, &runs))
		check_places(walk->tree, &runs);
	runs_done(&runs);
}

static void ask_xattrs(struct walk *walk, uint64_t inode)
{
	static uint8_t out[WIRE_WINDOW];
	struct xattr_pack pack = {.bytes = out, .room = sizeof(out)};

	if (!walk->tree->ops->xattrs)
		return;
	begin_call(walk);
	if (!walk->tree->ops->xattrs(walk->tree, inode, &pack))
		must(pack.used <= pack.room);
}

static void ask_folder(struct walk *walk, uint64_t inode)
{
	begin_call(walk);
	if (!walk->tree->ops->list(walk->tree, inode, &walk->listing)) {
		check_names(&walk->listing);
		for (size_t i = 0; i < walk->listing.count && walk->count < NODES; i++)
			walk->nodes[walk->count++] = walk->listing.items[i].inode;
	}
	listing_done(&walk->listing);
}

static void ask_node(struct walk *walk, uint64_t inode)
{
	struct wire_attr attr = {0};
	char target[4096];
	size_t length = 0;

	begin_call(walk);
	if (walk->tree->ops->stat(walk->tree, inode, &attr))
		return;
	must(attr.size_bytes <= READER_FILE_LIMIT);
	if (S_ISDIR(attr.mode))
		ask_folder(walk, inode);
	else if (S_ISREG(attr.mode))
		ask_file(walk, inode, &attr);
	begin_call(walk);
	if (!walk->tree->ops->link(walk->tree, inode, target, sizeof(target), &length))
		must(length <= sizeof(target));
	ask_xattrs(walk, inode);
}

static void ask_used(struct walk *walk)
{
	uint64_t cursor = 0, next = 0;

	for (unsigned page = 0; page < USED_PAGES; page++, cursor = next) {
		struct runs runs = {0};

		begin_call(walk);
		int error = walk->tree->ops->used(walk->tree, cursor, &runs, &next);

		if (!error) {
			must(runs.count <= READER_USED_RUNS);
			must(next == 0 || next > cursor);
			check_places(walk->tree, &runs);
		}
		runs_done(&runs);
		if (error || next == 0)
			return;
	}
}

static void ask_volume(struct tree *tree, struct blocks *blocks)
{
	static const uint8_t KEY[READER_KEY] = {1};
	struct walk walk = {.tree = tree, .blocks = blocks, .nodes = {tree->root}, .count = 1};

	listing_init(&walk.listing, KEY);
	for (size_t i = 0; i < walk.count; i++)
		ask_node(&walk, walk.nodes[i]);
	/* And what no folder names. */
	ask_node(&walk, 0);
	ask_node(&walk, UINT64_MAX);
	ask_used(&walk);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct volume volumes[READER_VOLUMES];
	struct source source;
	struct blocks blocks;
	size_t count = 0;

	if (sodium_init() < 0)
		abort();
	source.bytes = broken_image_make(bytes, length, &source.size);
	if (!source.bytes)
		return 0;
	memset(volumes, 0, sizeof(volumes));
	blocks_init(&blocks, source.size, fetch, &source);
	struct sleuth_image *image = sleuth_image_new(&blocks);

	must(image != NULL);
	if (!volumes_scan(&blocks, image, volumes, &count)) {
		must(count >= 1 && count <= READER_VOLUMES);
		for (size_t i = 0; i < count; i++) {
			struct wire_volume described;

			blocks.budget = BUDGET;
			struct tree *tree = volume_open(&volumes[i], &blocks, image);

			volume_describe(&volumes[i], &blocks, &described);
			must(described.is_readable == (tree != NULL));
			if (tree)
				ask_volume(tree, &blocks);
			volume_close(&volumes[i]);
		}
	}
	sleuth_image_free(image);
	blocks_done(&blocks);
	return 0;
}

/* ---- breaking what is not zero --------------------------------------------------------------------------- */

/* xorshift*, of the seed that libFuzzer gives. */
static uint32_t dice(uint64_t *state, uint32_t sides)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)((*state * UINT64_C(2685821657736338717)) >> 33) % (sides ? sides : 1);
}

static uint32_t place_in(size_t image, uint64_t *state)
{
	uint32_t offset = 0, length = 0, pieces = 0;

	while (broken_image_piece(image, pieces, &offset, &length))
		pieces++;
	must(broken_image_piece(image, dice(state, pieces), &offset, &length));
	/* Tables begin where pieces do; most of a long piece is contents. */
	return offset + dice(state, dice(state, 2) ? length : BL_MIN(length, 256u));
}

/* Numbers as metadata has them: of one to eight bytes, at its edges or beside what was there. */
static size_t put_number(uint8_t *at, uint64_t *state)
{
	static const uint64_t EDGES[] = {
		0,	  1,	      2,	 0x7f,	     0x80,
		0xff,	  0x7fff,     0x8000,	 0xffff,     0x7fffffff,
		1u << 31, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_C(1) << 32};
	size_t bytes = (size_t)1 << dice(state, 4);
	uint64_t number = dice(state, 3) ? EDGES[dice(state, BL_COUNT(EDGES))]
					 : dice(state, dice(state, 2) ? 64 : UINT32_MAX);

	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(number >> 8 * i);
	return bytes;
}

/* Bytes that lie elsewhere in the image: one table's entry in the place of another's. */
static size_t put_copy(size_t image, uint8_t *at, uint64_t *state)
{
	uint8_t only[1] = {(uint8_t)image};
	size_t size = 0, bytes = 4 + dice(state, 60);
	const uint8_t *whole = broken_image_make(only, 1, &size);
	uint32_t from = place_in(image, state);

	bytes = BL_MIN(bytes, size - BL_MIN(size, (size_t)from));
	memcpy(at, whole + from, bytes);
	return bytes;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
	uint64_t state = seed + UINT64_C(0x9e3779b97f4a7c15);
	uint8_t patch[128];

	if (size == 0 || dice(&state, 16) == 0)
		bytes[0] = (uint8_t)dice(&state, (uint32_t)broken_image_count());
	size = size ? size : 1;
	if (LLVMFuzzerMutate && dice(&state, 4) == 0 && size > 1)
		return LLVMFuzzerMutate(bytes + 1, size - 1, room - 1) + 1;

	size_t image = bytes[0] % broken_image_count();
	uint32_t where = place_in(image, &state);
	size_t count = dice(&state, 4) ? put_number(patch + 5, &state)
				       : put_copy(image, patch + 5, &state);

	bl_put32(patch, where);
	patch[4] = (uint8_t)count;
	if (size + 5 + count > room)
		size = 1; /* begin anew */
	if (size + 5 + count > room)
		return size;
	memcpy(bytes + size, patch, 5 + count);
	return size + 5 + count;
}
