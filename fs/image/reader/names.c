#include "fs/image/reader/reader.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(READER_KEY == crypto_shorthash_KEYBYTES, "the set's key");

#define EXTENSION_LIMIT 16 /* bytes of what is taken for an extension when a name is cut */
#define SLOTS_FIRST	64
#define STREAM_TAIL	64 /* bytes of a stream's name that are kept when it is cut */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/*
 * "%2F", "%00", "%25", and of NTFS "%3A", "%uD800": what an escape of ours looks like, so that a real name like it is escaped
 * itself.
 */
static bool looks_escaped(enum name_style style, const char *name, size_t length)
{
	static const char *const codes[] = {"2F", "00", "25", "3A"};
	size_t count = style == NAMES_UTF16 ? 4 : 3;

	if (length < 3 || name[0] != '%')
		return false;
	for (size_t i = 0; i < count; i++)
		if (!memcmp(name + 1, codes[i], 2))
			return true;
	return style == NAMES_UTF16 && length >= 6 && name[1] == 'u' && name[2] == 'D' &&
	       name[3] >= '8' && is_hex(name[3]) && is_hex(name[4]) && is_hex(name[5]);
}

/* Half a surrogate pair, as name_of_utf16 writes it; 0: something else. */
static unsigned surrogate_at(enum name_style style, const char *name, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)name;

	if (style != NAMES_UTF16 || length < 3 || bytes[0] != 0xed || bytes[1] < 0xa0)
		return 0;
	return 0xd000u | (bytes[1] & 0x3fu) << 6 | (bytes[2] & 0x3fu);
}

static bool is_special(enum name_style style, char c)
{
	return c == '/' || c == '\0' || (style == NAMES_UTF16 && c == ':');
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

/* The character at @name as it is shown; returns how many bytes of @name that was. */
static size_t show_one(enum name_style style, const char *name, size_t length, char out[8],
		       size_t *out_length)
{
	unsigned surrogate = surrogate_at(style, name, length);

	if (surrogate)
		*out_length = (size_t)snprintf(out, 8, "%%u%04X", surrogate);
	else if (is_special(style, *name) || looks_escaped(style, name, length))
		*out_length = (size_t)snprintf(out, 8, "%%%02X", (unsigned char)*name);
	else
		*out_length = 1, out[0] = *name;
	return surrogate ? 3 : 1;
}

static bool is_plain_tail(enum name_style style, const char *tail, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (is_special(style, tail[i]) || surrogate_at(style, tail + i, length - i))
			return false;
	return true;
}

size_t name_show(enum name_style style, const char *name, size_t length,
		 char out[READER_NAME_LIMIT + 1])
{
	char shown[READER_NAME_LIMIT + 8], one[8];
	size_t used = 0, at = 0;

	if (!length || (length == 2 && !memcmp(name, "%-", 2))) {
		strcpy(out, length ? "%25-" : "%-");
		return strlen(out);
	}
	/* One character past the limit: enough to know that it is too long. */
	while (at < length && used <= READER_NAME_LIMIT) {
		size_t count = 0;

		at += show_one(style, name + at, length - at, one, &count);
		memcpy(shown + used, one, count);
		used += count;
	}
	shown[used] = '\0';
	if (used > READER_NAME_LIMIT) {
		size_t tail = extension_length(name, length);

		if (!is_plain_tail(style, name + length - tail, tail))
			tail = 0;
		used = cut_at(shown, READER_NAME_LIMIT - tail);
		memcpy(shown + used, name + length - tail, tail);
		return name_shorten(shown, used + tail, name, length, out);
	}
	memcpy(out, shown, used);
	out[used] = '\0';
	return used;
}

static size_t put_utf8(uint32_t code, char *out)
{
	static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = length; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(heads[length] | code);
	return length;
}

size_t name_of_utf16(const uint8_t *units, size_t count, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t code = bl_get16(units + 2 * i);
		uint32_t next = i + 1 < count ? bl_get16(units + 2 * i + 2) : 0;

		if (code >> 10 == 0x36 && next >> 10 == 0x37) {
			code = 0x10000 + ((code & 0x3ff) << 10 | (next & 0x3ff));
			i++;
		}
		used += put_utf8(code, out + used);
	}
	return used;
}

/* The name of a stream: ours are the "%~2" that tell twins apart, so its own "%~" are escaped, too. */
static size_t show_stream(const char *name, size_t length, unsigned twins, char *out)
{
	char one[8], middle[16] = "";
	size_t used = 0;

	for (size_t at = 0; at < length;) {
		size_t count = 0;
		bool is_ours = length - at > 1 && !memcmp(name + at, "%~", 2);

		at += show_one(NAMES_UTF16, name + at, length - at, one, &count);
		memcpy(out + used, is_ours ? "%25" : one, is_ours ? 3 : count);
		used += is_ours ? 3 : count;
	}
	if (twins)
		snprintf(middle, sizeof(middle), "%%~%u", twins + 1);
	memcpy(out + used, middle, strlen(middle));
	return used + strlen(middle);
}

/* Too long: both are cut, and between them stands a digest of what both were, long enough that nobody makes another like it. */
static size_t shorten_stream(const char *file, size_t file_length, const char *stream,
			     size_t length, char out[READER_NAME_LIMIT + 1])
{
	uint8_t digest[crypto_generichash_BYTES_MIN];
	crypto_generichash_state state;
	char middle[2 * sizeof(digest) + 4] = "%~";
	size_t stem, tail = cut_at(stream, BL_MIN(length, (size_t)STREAM_TAIL));

	crypto_generichash_init(&state, NULL, 0, sizeof(digest));
	crypto_generichash_update(&state, (const uint8_t *)file, file_length);
	crypto_generichash_update(&state, (const uint8_t *)":", 1);
	crypto_generichash_update(&state, (const uint8_t *)stream, length);
	crypto_generichash_final(&state, digest, sizeof(digest));
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(middle + 2 + 2 * i, 3, "%02x", digest[i]);
	strcat(middle, ":");
	stem = cut_at(file, BL_MIN(file_length, READER_NAME_LIMIT - strlen(middle) - tail));
	memcpy(out, file, stem);
	strcpy(out + stem, middle);
	stem += strlen(middle);
	memcpy(out + stem, stream, tail);
	out[stem + tail] = '\0';
	return stem + tail;
}

size_t name_stream(const char *file, size_t file_length, const char *name, size_t length,
		   unsigned twins, char out[READER_NAME_LIMIT + 1])
{
	/* Three bytes for one, at most; a surrogate, which is three already, becomes six. */
	char shown[3 * 3 * UINT8_MAX + 16];
	size_t used = show_stream(name, length, twins, shown);

	shown[used] = '\0';
	if (file_length + 1 + used > READER_NAME_LIMIT)
		return shorten_stream(file, file_length, shown, used, out);
	memcpy(out, file, file_length);
	out[file_length] = ':';
	memcpy(out + file_length + 1, shown, used + 1);
	return file_length + 1 + used;
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

static void put_name(struct listing *listing, uint64_t inode, const char *name, size_t length)
{
	memcpy(listing->names + listing->names_used, name, length);
	listing->items[listing->count] = (struct listed){
		.inode = inode,
		.name = listing->names_used,
		.name_length = (uint16_t)length,
	};
	listing->names_used += length;
	listing->slots[slot_find(listing, name, length)] = (uint32_t)listing->count + 1;
	listing->count++;
}

static int add_shown(struct listing *listing, uint64_t inode, const char *shown, size_t used)
{
	char other[READER_NAME_LIMIT + 1];
	const char *final = shown;
	size_t length = used;

	/* Each try is a lookup: a directory of one name only would be quadratic, so there is an end to it. */
	for (unsigned number = 2; listing->slots[slot_find(listing, final, length)]; number++) {
		if (number > 1000)
			return EFBIG;
		length = name_number(shown, used, number, other);
		final = other;
	}
	put_name(listing, inode, final, length);
	return 0;
}

int listing_add(struct listing *listing, uint64_t inode, const char *name, size_t length)
{
	char shown[READER_NAME_LIMIT + 1];
	size_t used = name_show(listing->style, name, length, shown);
	int error = room_for(listing, READER_NAME_LIMIT);

	return error ? error : add_shown(listing, inode, shown, used);
}

int listing_add_sequenced(struct listing *listing, uint64_t inode, uint16_t sequence,
			  const char *name, size_t length)
{
	char shown[READER_NAME_LIMIT + 1];
	size_t used = name_show(listing->style, name, length, shown);
	int error = room_for(listing, READER_NAME_LIMIT);

	if (error)
		return error;
	uint32_t slot = listing->slots[slot_find(listing, shown, used)];
	if (slot && listing->items[slot - 1].inode == inode &&
	    listing->items[slot - 1].sequence == sequence)
		return 0;
	error = add_shown(listing, inode, shown, used);
	if (!error)
		listing->items[listing->count - 1].sequence = sequence;
	return error;
}

int listing_add_streams(struct listing *listing, uint64_t inode, const char *name)
{
	int error = room_for(listing, READER_NAME_LIMIT);

	if (error)
		return error;
	put_name(listing, inode, name, strlen(name));
	listing->items[listing->count - 1].is_only_streams = true;
	return 0;
}
