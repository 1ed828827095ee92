/*
 * image-sweep.c - what becomes of a real image when some of its bytes are others: image-sweep READER ROUNDS SEED IMAGE...
 *
 * Each round changes a few bytes where there are any, asks for everything by the real reader, up to a bound, and puts them back. What is
 * answered keeps the promises of image.h; at the end the image is read as at the beginning. One line of counts an image; nothing that was
 * found in one. Exits 1 when a promise is broken.
 */
#include "fs/image/image.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NODES	    120u /* of one volume */
#define READ_BYTES  65536u
#define FILE_BYTES  (UINT64_C(4) * READ_BYTES)
#define CHANGES	    24u
#define STATUSES    32u
#define EARLY_BYTES (UINT64_C(1) << 20)

struct sweep {
	const char *reader;
	uint8_t *bytes;
	uint64_t size_bytes, state;
	struct image *image;
	uint64_t inodes[NODES];
	enum image_type types[NODES];
	size_t node_count;
	uint64_t asked, by_status[STATUSES], longest_ms;
	atomic_uint troubles;
	crypto_hash_sha256_state *hash; /* of all that is read; NULL: nobody compares */
};

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "image-sweep: %s\n", what);
	exit(1);
}

static uint64_t draw(struct sweep *sweep, uint64_t below)
{
	sweep->state = sweep->state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (sweep->state >> 20) % below;
}

static enum bl_status read_bytes(void *context, uint64_t offset, void *out, size_t length,
				 struct bl_error *why)
{
	const struct sweep *sweep = context;

	(void)why;
	must(offset <= sweep->size_bytes && length <= sweep->size_bytes - offset,
	     "a read behind the end");
	memcpy(out, sweep->bytes + offset, length);
	return BL_OK;
}

static void on_trouble(void *context, unsigned volume, uint64_t inode, const char *text)
{
	struct sweep *sweep = context;

	(void)volume, (void)inode, (void)text;
	atomic_fetch_add(&sweep->troubles, 1);
}

/* ---- asking ---------------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum bl_status counted(struct sweep *sweep, uint64_t began_ms, enum bl_status status)
{
	sweep->asked++;
	sweep->by_status[BL_MIN((unsigned)status, STATUSES - 1)]++;
	sweep->longest_ms = BL_MAX(sweep->longest_ms, now_ms() - began_ms);
	return status;
}

static void hash_add(struct sweep *sweep, const void *bytes, size_t length)
{
	if (sweep->hash)
		crypto_hash_sha256_update(sweep->hash, bytes, length);
}

static bool each_entry(void *context, const struct image_entry *entry)
{
	struct sweep *sweep = context;

	must(entry->length >= 1 && entry->length <= IMAGE_NAME_LIMIT &&
		     strlen(entry->name) == entry->length && !strchr(entry->name, '/') &&
		     strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0,
	     "a name that is none");
	hash_add(sweep, entry->name, entry->length);
	if (sweep->node_count == NODES || !entry->has_attr)
		return true;
	for (size_t i = 0; i < sweep->node_count; i++)
		if (sweep->inodes[i] == entry->inode)
			return true;
	sweep->inodes[sweep->node_count] = entry->inode;
	sweep->types[sweep->node_count++] = entry->attr.type;
	return true;
}

struct ranges {
	uint64_t end, image_bytes;
};

static bool each_range(void *context, const struct image_range *range)
{
	struct ranges *ranges = context;

	must(range->length && range->offset >= ranges->end && range->offset < ranges->image_bytes &&
		     range->length <= ranges->image_bytes - range->offset,
	     "a place that is none");
	ranges->end = range->offset + range->length;
	return true;
}

static bool each_xattr(void *context, const struct image_xattr *xattr)
{
	(void)context;
	must(xattr->name_length && xattr->length <= IMAGE_XATTR_LIMIT, "an attribute that is none");
	return true;
}

static void file_ask(struct sweep *sweep, unsigned volume, uint64_t inode)
{
	static uint8_t bytes[READ_BYTES];
	BL_CLEANUP(image_file_close) struct image_file *file = NULL;
	struct ranges ranges = {0, sweep->size_bytes};
	uint64_t began = now_ms();
	enum bl_status status =
		counted(sweep, began, image_file_open(sweep->image, volume, inode, &file, NULL));

	for (uint64_t at = 0; status == BL_OK && at < BL_MIN(image_file_size(file), FILE_BYTES);
	     at += READ_BYTES) {
		size_t got = 0;

		began = now_ms();
		status = counted(sweep, began,
				 image_file_read(file, at, bytes, sizeof(bytes), &got, NULL));
		must(status != BL_OK || got == BL_MIN(image_file_size(file) - at, READ_BYTES),
		     "a read that is too short");
		hash_add(sweep, bytes, status == BL_OK ? got : 0);
	}
	began = now_ms();
	counted(sweep, began, image_places(sweep->image, volume, inode, each_range, &ranges, NULL));
}

static void node_ask(struct sweep *sweep, unsigned volume, uint64_t inode, enum image_type type)
{
	char target[4096];
	struct image_attr attr;
	uint64_t began = now_ms();

	counted(sweep, began, image_stat(sweep->image, volume, inode, &attr, NULL));
	began = now_ms();
	counted(sweep, began, image_xattrs(sweep->image, volume, inode, each_xattr, NULL, NULL));
	began = now_ms();
	if (type == IMAGE_DIR)
		counted(sweep, began,
			image_list(sweep->image, volume, inode, each_entry, sweep, NULL));
	else if (type == IMAGE_LINK)
		counted(sweep, began,
			image_readlink(sweep->image, volume, inode, target, sizeof(target), NULL));
	else if (type == IMAGE_FILE)
		file_ask(sweep, volume, inode);
}

static void volume_ask(struct sweep *sweep, unsigned volume)
{
	struct ranges ranges = {0, sweep->size_bytes};
	uint64_t began = now_ms();

	if (!image_volume(sweep->image, volume)->is_readable) {
		must(*image_volume(sweep->image, volume)->notice, "a volume without a notice");
		return;
	}
	sweep->inodes[0] = image_volume(sweep->image, volume)->root;
	sweep->types[0] = IMAGE_DIR;
	sweep->node_count = 1;
	for (size_t i = 0; i < sweep->node_count; i++)
		node_ask(sweep, volume, sweep->inodes[i], sweep->types[i]);
	began = now_ms();
	counted(sweep, began, image_used(sweep->image, volume, each_range, &ranges, NULL));
}

static bool image_ask(struct sweep *sweep)
{
	struct image_options options = {
		.reader_path = sweep->reader, .on_trouble = on_trouble, .context = sweep};
	struct image_bytes bytes = {read_bytes, sweep, sweep->size_bytes};
	uint64_t began = now_ms();
	enum bl_status status =
		counted(sweep, began, image_open_bytes(&bytes, &options, &sweep->image, NULL));

	for (unsigned i = 0; status == BL_OK && i < image_volume_count(sweep->image); i++)
		volume_ask(sweep, i);
	image_close(sweep->image);
	sweep->image = NULL;
	return status == BL_OK;
}

/* ---- changing ---------------------------------------------------------------------------------------- */

/* A place where something is: zeros are seldom metadata. */
static uint64_t place(struct sweep *sweep)
{
	static const uint8_t NOTHING[64] = {0};
	uint64_t at = 0;
	bool is_early = draw(sweep, 2); /* where tables tend to be */

	for (unsigned i = 0; i < 4000; i++) {
		at = draw(sweep,
			  (is_early ? BL_MIN(sweep->size_bytes, EARLY_BYTES) : sweep->size_bytes) /
				  64) *
		     64;
		if (memcmp(sweep->bytes + at, NOTHING, 64) != 0)
			break;
	}
	return at + draw(sweep, 64);
}

static void round_run(struct sweep *sweep)
{
	static const uint8_t VALUES[] = {0, 1, 0x7f, 0x80, 0xff};
	uint64_t at[CHANGES];
	uint8_t was[CHANGES];
	size_t count = 1 + (size_t)draw(sweep, draw(sweep, 2) ? CHANGES : 3);

	for (size_t i = 0; i < count; i++) {
		uint64_t kind = draw(sweep, BL_COUNT(VALUES) + 3);

		at[i] = place(sweep);
		was[i] = sweep->bytes[at[i]];
		sweep->bytes[at[i]] =
			kind < BL_COUNT(VALUES) ? VALUES[kind] : (uint8_t)draw(sweep, 256);
	}
	image_ask(sweep);
	while (count--) /* the last first: two may be of one place */
		sweep->bytes[at[count]] = was[count];
}

static void digest_of(struct sweep *sweep, uint8_t out[crypto_hash_sha256_BYTES])
{
	crypto_hash_sha256_state hash;

	crypto_hash_sha256_init(&hash);
	sweep->hash = &hash;
	must(image_ask(sweep), "the image as it is cannot be opened");
	sweep->hash = NULL;
	crypto_hash_sha256_final(&hash, out);
}

static void load(struct sweep *sweep, const char *path)
{
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	must(fd >= 0 && fstat(fd, &stat) == 0 && stat.st_size >= 4096, "cannot open an image");
	sweep->size_bytes = (uint64_t)stat.st_size;
	sweep->bytes = malloc(sweep->size_bytes);
	must(sweep->bytes != NULL, "no memory");
	for (uint64_t done = 0; done < sweep->size_bytes;) {
		ssize_t got = pread(fd, sweep->bytes + done, sweep->size_bytes - done, (off_t)done);

		must(got > 0, "cannot read an image");
		done += (uint64_t)got;
	}
	close(fd);
}

static void sweep_image(const char *reader, unsigned rounds, uint64_t seed, const char *path)
{
	uint8_t before[crypto_hash_sha256_BYTES], after[crypto_hash_sha256_BYTES];
	struct sweep sweep = {.reader = reader, .state = seed};
	const char *name = strrchr(path, '/');

	load(&sweep, path);
	digest_of(&sweep, before);
	sweep.asked = 0;
	memset(sweep.by_status, 0, sizeof(sweep.by_status));
	for (unsigned i = 0; i < rounds; i++)
		round_run(&sweep);
	printf("%s: %u rounds, %" PRIu64 " requests, longest %" PRIu64 " ms, %u troubles;",
	       name ? name + 1 : path, rounds, sweep.asked, sweep.longest_ms,
	       atomic_load(&sweep.troubles));
	for (unsigned i = 0; i < STATUSES; i++)
		if (sweep.by_status[i])
			printf(" %u: %" PRIu64, i, sweep.by_status[i]);
	printf("\n");
	digest_of(&sweep, after);
	must(!memcmp(before, after, sizeof(before)), "the image reads otherwise than before");
	free(sweep.bytes);
}

int main(int count, char **words)
{
	must(count > 4 && sodium_init() >= 0, "image-sweep READER ROUNDS SEED IMAGE...");
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 4; i < count; i++)
		sweep_image(words[1], (unsigned)atoi(words[2]), strtoull(words[3], NULL, 10),
			    words[i]);
	return 0;
}
