/* The images lie in the program itself, as tests/fuzz/images/make.sh has packed them. */
#include "tests/fuzz/images/broken-image.h"

#include "policy/base.h"

#include <stdlib.h>
#include <string.h>

#define UNDO_ROOM 65536u

#define IMAGE(symbol, file)                                                                        \
	__asm__(".section .rodata\n.global packed_" #symbol "\n.global packed_end_" #symbol        \
		"\npacked_" #symbol ":\n.incbin \"tests/fuzz/images/" file                         \
		"\"\npacked_end_" #symbol ":\n.byte 0\n.text\n");                                  \
	extern const uint8_t packed_##symbol[], packed_end_##symbol[]

IMAGE(ext2, "ext2");
IMAGE(ext4, "ext4");
IMAGE(ext4_sums, "ext4-sums");
IMAGE(ext4_journal, "ext4-journal");
IMAGE(fat12, "fat12");
IMAGE(fat16, "fat16");
IMAGE(fat32, "fat32");
IMAGE(exfat, "exfat");
IMAGE(ntfs, "ntfs");
IMAGE(iso9660, "iso9660");
IMAGE(dos, "dos");
IMAGE(gpt, "gpt");

static const struct {
	const char *name;
	const uint8_t *packed, *end;
} IMAGES[] = {
	{"ext2", packed_ext2, packed_end_ext2},
	{"ext4", packed_ext4, packed_end_ext4},
	{"ext4-sums", packed_ext4_sums, packed_end_ext4_sums},
	{"ext4-journal", packed_ext4_journal, packed_end_ext4_journal},
	{"fat12", packed_fat12, packed_end_fat12},
	{"fat16", packed_fat16, packed_end_fat16},
	{"fat32", packed_fat32, packed_end_fat32},
	{"exfat", packed_exfat, packed_end_exfat},
	{"ntfs", packed_ntfs, packed_end_ntfs},
	{"iso9660", packed_iso9660, packed_end_iso9660},
	{"dos", packed_dos, packed_end_dos},
	{"gpt", packed_gpt, packed_end_gpt},
};

/* An image as it is, made once, with what the last input changed in it. */
struct base {
	uint8_t *bytes;
	size_t size;
	uint32_t *undo; /* offsets that were changed, and what was there before */
	uint8_t *before;
	size_t undo_count;
};

static struct base bases[BL_COUNT(IMAGES)];

size_t broken_image_count(void)
{
	return BL_COUNT(IMAGES);
}

const char *broken_image_name(size_t index)
{
	return IMAGES[index].name;
}

static bool next_piece(size_t image, const uint8_t **inout_at, uint32_t *out_offset,
		       uint32_t *out_length)
{
	if (*inout_at >= IMAGES[image].end)
		return false;
	*out_offset = bl_get32(*inout_at);
	*out_length = bl_get32(*inout_at + 4);
	*inout_at += 8 + *out_length;
	return true;
}

bool broken_image_piece(size_t image, size_t index, uint32_t *out_offset, uint32_t *out_length)
{
	const uint8_t *at = IMAGES[image].packed + 4;

	do {
		if (!next_piece(image, &at, out_offset, out_length))
			return false;
	} while (index-- > 0);
	return true;
}

static void unpack(size_t image, struct base *base)
{
	const uint8_t *at = IMAGES[image].packed + 4;
	uint32_t offset, length;

	base->size = bl_get32(IMAGES[image].packed);
	base->bytes = calloc(1, base->size);
	base->undo = calloc(UNDO_ROOM, sizeof(*base->undo));
	base->before = calloc(1, UNDO_ROOM);
	if (!base->bytes || !base->undo || !base->before)
		abort();
	while (next_piece(image, &at, &offset, &length))
		memcpy(base->bytes + offset, at - length, length);
}

static void change(struct base *base, uint64_t offset, uint8_t byte)
{
	if (offset >= base->size || base->undo_count == UNDO_ROOM)
		return;
	base->undo[base->undo_count] = (uint32_t)offset;
	base->before[base->undo_count++] = base->bytes[offset];
	base->bytes[offset] = byte;
}

const uint8_t *broken_image_make(const uint8_t *input, size_t length, size_t *out_bytes)
{
	if (length == 0)
		return NULL;

	size_t image = input[0] % BL_COUNT(IMAGES);
	struct base *base = &bases[image];

	if (!base->bytes)
		unpack(image, base);
	while (base->undo_count > 0) {
		base->undo_count--;
		base->bytes[base->undo[base->undo_count]] = base->before[base->undo_count];
	}
	for (size_t at = 1; at + 5 <= length;) {
		uint64_t offset = bl_get32(input + at);
		size_t count = BL_MIN((size_t)input[at + 4], length - at - 5);

		for (size_t i = 0; i < count; i++)
			change(base, offset + i, input[at + 5 + i]);
		at += 5 + count;
	}
	*out_bytes = base->size;
	return base->bytes;
}
