#include "fs/image/reader/reader.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(READER_KEY == crypto_shorthash_KEYBYTES, "the set's key");

#define EXTENSION_LIMIT 16 /* bytes of what is taken for an extension when a name is cut */
#define SLOTS_FIRST	64

/* "%2F", "%00", "%25": what an escape of ours looks like, so that a real name like it is escaped itself. */
static bool looks_escaped(const char *name, size_t length)
{
	static const char *const codes[] = {"2F", "00", "25"};

	if (length < 3 || name[0] != '%')
		return false;
	for (size_t i = 0; i < BL_COUNT(codes); i++)
		if (!memcmp(name + 1, codes[i], 2))
			return true;
	return false;
}

/* The tail that stays when something is put in front of it: ".txt", or "" when it is no extension. */
static size_t extension_length(const char *name, size_t length)
{
	for (size_t back = 1; back <= BL_MIN(length, (size_t)EXTENSION_LIMIT); back++)
		if (name[length - back] == '.')
			return back == length ? 0 : back;
	return 0;
}

/* Never cut inside a character: step back over continuation bytes, if it looks like UTF-8 at all. */
static size_t cut_at(const char *name, size_t length)
{
	size_t cut = length;

	for (unsigned i = 0; i < 3 && cut && ((unsigned char)name[cut] & 0xc0) == 0x80; i++)
		cut--;
	return cut;
}

/* stem + @middle + extension of @name, the stem as long as fits. */
static size_t name_insert(const char *name, size_t length, const char *middle,
			  char out[READER_NAME_LIMIT + 1])
{
	size_t tail = extension_length(name, length);
	size_t inner = strlen(middle);
	size_t stem = length - tail;

	if (stem + inner + tail > READER_NAME_LIMIT)
		stem = cut_at(name, READER_NAME_LIMIT - inner - tail);
	memcpy(out, name, stem);
	memcpy(out + stem, middle, inner);
	memcpy(out + stem + inner, name + length - tail, tail);
	out[stem + inner + tail] = '\0';
	return stem + inner + tail;
}

/* Too long to show: cut, with a digest of the whole so that two long names stay two. */
static size_t name_shorten(const char *name, size_t length, const char *original,
			   size_t original_length, char out[READER_NAME_LIMIT + 1])
{
	uint8_t digest[crypto_generichash_BYTES_MIN];
	char middle[16];

	crypto_generichash(digest, sizeof(digest), (const uint8_t *)original, original_length, NULL,
			   0);
	snprintf(middle, sizeof(middle), "%%~%02x%02x%02x%02x%02x", digest[0], digest[1], digest[2],
		 digest[3], digest[4]);
	return name_insert(name, length, middle, out);
}

size_t name_show(const char *name, size_t length, char out[READER_NAME_LIMIT + 1])
{
	/* Room for one whole escape past the limit: enough to know that it is too long, and to keep its end. */
	char shown[4 * READER_NAME_LIMIT + 4];
	size_t used = 0;
	size_t kept = BL_MIN(length, (size_t)READER_NAME_LIMIT);
	bool is_cut = false;

	if (!length) {
		memcpy(out, "%-", 3);
		return 2;
	}
	for (size_t i = 0; i < kept; i++) {
		unsigned char c = (unsigned char)name[i];
		bool is_ours = looks_escaped(name + i, length - i) ||
			       (i == 0 && length == 2 && !memcmp(name, "%-", 2));

		if (c == '/' || c == '\0' || is_ours)
			used += (size_t)snprintf(shown + used, sizeof(shown) - used, "%%%02X", c);
		else
			shown[used++] = (char)c;
	}
	is_cut = kept < length || used > READER_NAME_LIMIT;
	if (is_cut) {
		size_t tail = extension_length(name, length);
		bool is_plain = !memchr(name + length - tail, '/', tail) &&
				!memchr(name + length - tail, '\0', tail);

		used = cut_at(shown, BL_MIN(used, (size_t)READER_NAME_LIMIT));
		if (tail && is_plain) {
			memcpy(shown + used, name + length - tail, tail);
			used += tail;
		}
		return name_shorten(shown, used, name, length, out);
	}
	memcpy(out, shown, used);
	out[used] = '\0';
	return used;
}

size_t name_number(const char *shown, size_t length, unsigned number,
		   char out[READER_NAME_LIMIT + 1])
{
	char middle[16];

	snprintf(middle, sizeof(middle), "%%~%u", number);
	return name_insert(shown, length, middle, out);
}

void listing_init(struct listing *listing, const uint8_t key[READER_KEY])
{
	*listing = (struct listing){0};
	memcpy(listing->key, key, READER_KEY);
}

void listing_done(struct listing *listing)
{
	free(listing->items);
	free(listing->names);
	free(listing->slots);
	listing->items = NULL;
	listing->names = NULL;
	listing->slots = NULL;
	listing->count = listing->room = 0;
	listing->names_used = listing->names_room = 0;
	listing->slot_count = 0;
}

static size_t slot_of(const struct listing *listing, const char *name, size_t length)
{
	uint8_t hash[crypto_shorthash_BYTES];

	crypto_shorthash(hash, (const uint8_t *)name, length, listing->key);
	return (size_t)bl_get64(hash) & (listing->slot_count - 1);
}

/* The slot that holds @name, or the empty one where it would go. */
static size_t slot_find(const struct listing *listing, const char *name, size_t length)
{
	size_t slot = slot_of(listing, name, length);

	while (listing->slots[slot]) {
		const struct listed *item = &listing->items[listing->slots[slot] - 1];

		if (item->name_length == length &&
		    !memcmp(listing->names + item->name, name, length))
			break;
		slot = (slot + 1) & (listing->slot_count - 1);
	}
	return slot;
}

static int slots_grow(struct listing *listing)
{
	size_t count = listing->slot_count ? 2 * listing->slot_count : SLOTS_FIRST;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return ENOMEM;
	free(listing->slots);
	listing->slots = slots;
	listing->slot_count = count;
	for (size_t i = 0; i < listing->count; i++) {
		const struct listed *item = &listing->items[i];

		slots[slot_find(listing, listing->names + item->name, item->name_length)] =
			(uint32_t)i + 1;
	}
	return 0;
}

static int room_for(struct listing *listing, size_t length)
{
	if (listing->count >= READER_ENTRIES || listing->names_used + length > READER_NAME_BYTES)
		return EFBIG;
	if (listing->count == listing->room) {
		size_t room = listing->room ? 2 * listing->room : 64;
		struct listed *items = realloc(listing->items, room * sizeof(*items));

		if (!items)
			return ENOMEM;
		listing->items = items;
		listing->room = room;
	}
	if (listing->names_used + length > listing->names_room) {
		size_t room = BL_MAX(2 * listing->names_room, (size_t)4096);
		char *names = realloc(listing->names, room);

		if (!names)
			return ENOMEM;
		listing->names = names;
		listing->names_room = room;
	}
	return listing->count * 2 >= listing->slot_count ? slots_grow(listing) : 0;
}

int listing_add(struct listing *listing, uint64_t inode, const char *name, size_t length)
{
	char shown[READER_NAME_LIMIT + 1], other[READER_NAME_LIMIT + 1];
	size_t used = name_show(name, length, shown);
	const char *final = shown;
	size_t final_length = used;
	int error = room_for(listing, READER_NAME_LIMIT);

	if (error)
		return error;
	size_t slot = slot_find(listing, shown, used);
	/* Each try is a lookup: a directory of one name only would be quadratic, so there is an end to it. */
	for (unsigned number = 2; listing->slots[slot]; number++) {
		if (number > 1000)
			return EFBIG;
		final_length = name_number(shown, used, number, other);
		final = other;
		slot = slot_find(listing, other, final_length);
	}
	memcpy(listing->names + listing->names_used, final, final_length);
	listing->items[listing->count] = (struct listed){
		.inode = inode,
		.name = listing->names_used,
		.name_length = (uint16_t)final_length,
	};
	listing->names_used += final_length;
	listing->slots[slot] = (uint32_t)++listing->count;
	return 0;
}
