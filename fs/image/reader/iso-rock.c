/* System Use Sharing Protocol 1.12 and Rock Ridge 1.12: names, rights, links and moved folders of POSIX on ISO 9660. */
#include "fs/image/reader/iso.h"

#include <errno.h>
#include <string.h>

#define CONTINUATIONS 64 /* areas that one record may go on in */

#define NAME_GOES_ON 1
#define NAME_IS_DOT  6 /* current, parent */

int64_t iso_time(const uint8_t *seven)
{
	/* Days of a civil date, counted in years that begin in March. */
	int64_t year = 1900 + seven[0] - (seven[1] <= 2), month = (seven[1] + 9) % 12;
	int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
		       seven[2] - 1 - 719468;
	int64_t seconds = days * 86400 + seven[3] * 3600 + seven[4] * 60 + seven[5];

	if (!seven[1] || seven[1] > 12)
		return 0;
	return (seconds - (int64_t)(int8_t)seven[6] * 900) * 1000000000;
}

static int take_name(const uint8_t *entry, size_t length, struct iso_rock *rock)
{
	size_t bytes = length - 5;

	if (length < 5 || rock->name_length + bytes > sizeof(rock->name))
		return EIO;
	if (entry[4] & NAME_IS_DOT)
		return 0;
	rock->is_name_going = entry[4] & NAME_GOES_ON;
	memcpy(rock->name + rock->name_length, entry + 5, bytes);
	rock->name_length += bytes;
	return 0;
}

static int link_add(struct iso_rock *rock, const void *bytes, size_t length)
{
	if (rock->link_length + length > sizeof(rock->link))
		return EIO;
	memcpy(rock->link + rock->link_length, bytes, length);
	rock->link_length += length;
	return 0;
}

/* One component of a target: flags, a length, and that many bytes. */
static int take_component(const uint8_t *part, struct iso_rock *rock)
{
	bool is_first = !rock->link_length;
	bool after_root = rock->link_length == 1 && rock->link[0] == '/';
	int error = 0;

	if (!is_first && !after_root && !rock->is_link_going)
		error = link_add(rock, "/", 1);
	rock->is_link_going = part[0] & 1;
	if (!error && part[0] & 2)
		error = link_add(rock, ".", 1);
	else if (!error && part[0] & 4)
		error = link_add(rock, "..", 2);
	else if (!error && part[0] & 8)
		error = is_first ? link_add(rock, "/", 1) : EIO;
	else if (!error && part[0] & ~1u)
		error = EIO;
	else if (!error)
		error = link_add(rock, part + 2, part[1]);
	return error;
}

static int take_link(const uint8_t *entry, size_t length, struct iso_rock *rock)
{
	for (size_t at = 5; at < length; at += 2 + (size_t)entry[at + 1]) {
		if (at + 2 > length || at + 2 + entry[at + 1] > length)
			return EIO;
		int error = take_component(entry + at, rock);
		if (error)
			return error;
	}
	return length < 5 ? EIO : 0;
}

/* Bits say which of the times there are: creation, modification, access, attributes, in this order. */
static int take_times(const uint8_t *entry, size_t length, struct iso_rock *rock)
{
	size_t at = 5;

	if (length < 5)
		return EIO;
	/* Long ones are digits; nobody writes them. */
	if (entry[4] & 0x80)
		return 0;
	for (unsigned bit = 0; bit < 7; bit++) {
		if (!(entry[4] & 1u << bit))
			continue;
		if (at + 7 > length)
			return EIO;
		int64_t time = iso_time(entry + at);
		at += 7;
		if (bit == 1) {
			rock->mtime = time;
			rock->has_mtime = true;
		} else if (bit == 2) {
			rock->atime = time;
			rock->has_atime = true;
		} else if (bit == 3) {
			rock->ctime = time;
			rock->has_ctime = true;
		}
	}
	return 0;
}

struct area {
	uint64_t next; /* byte of the volume where it goes on; 0: nowhere */
	uint32_t next_bytes;
	bool is_over;
};

static bool is(const uint8_t *entry, const char *signature)
{
	return !memcmp(entry, signature, 2);
}

static int take_entry(const uint8_t *entry, size_t length, struct iso_rock *rock, struct area *area)
{
	if (is(entry, "NM"))
		return take_name(entry, length, rock);
	if (is(entry, "SL"))
		return take_link(entry, length, rock);
	if (is(entry, "TF"))
		return take_times(entry, length, rock);
	if (is(entry, "PX") && length >= 36) {
		rock->has_mode = true;
		rock->mode = bl_get32(entry + 4);
		rock->nlink = bl_get32(entry + 12);
		rock->uid = bl_get32(entry + 20);
		rock->gid = bl_get32(entry + 28);
	} else if (is(entry, "CL") && length >= 12) {
		rock->child = bl_get32(entry + 4);
	} else if (is(entry, "RE")) {
		rock->is_moved = true;
	} else if (is(entry, "ZF") || is(entry, "SF")) {
		rock->is_packed = true;
	} else if (is(entry, "ST")) {
		area->is_over = true;
	} else if (is(entry, "CE")) {
		if (length < 28 || area->next)
			return EIO;
		area->next = (uint64_t)bl_get32(entry + 4) * ISO_SECTOR + bl_get32(entry + 12);
		area->next_bytes = bl_get32(entry + 20);
	}
	return 0;
}

static int take_area(const uint8_t *bytes, size_t length, struct iso_rock *rock, struct area *area)
{
	/* What is too short for an entry is padding. */
	for (size_t at = 0; at + 4 <= length && !area->is_over; at += bytes[at + 2]) {
		if (!bytes[at] && !bytes[at + 2])
			return 0;
		if (bytes[at + 2] < 4 || bytes[at + 2] > length - at)
			return EIO;
		int error = take_entry(bytes + at, bytes[at + 2], rock, area);
		if (error)
			return error;
	}
	return 0;
}

static size_t use_of(const struct iso_record *record)
{
	size_t name = record->bytes[32];

	return 33 + name + (name % 2 == 0);
}

int iso_rock_read(struct tree *tree, const struct iso_record *record, unsigned skip,
		  struct iso_rock *out)
{
	uint8_t more[ISO_SECTOR];
	struct area area = {0};
	size_t use = use_of(record) + skip;
	int error = 0;

	memset(out, 0, sizeof(*out));
	if (use < record->length)
		error = take_area(record->bytes + use, record->length - use, out, &area);
	for (unsigned i = 0; !error && area.next; i++) {
		struct area next = {0};

		if (i == CONTINUATIONS || area.next_bytes > sizeof(more) ||
		    area.next > tree->length || area.next_bytes > tree->length - area.next)
			error = EIO;
		if (!error)
			error = blocks_read(tree->blocks, tree->offset + area.next, more,
					    area.next_bytes);
		if (!error)
			error = take_area(more, area.next_bytes, out, &next);
		area = next;
	}
	out->is_damaged = error || out->is_link_going;
	/* A name that is whole is what the entry is listed by. */
	return out->is_name_going || (error && !out->name_length) ? EIO : 0;
}

/* The root's own record begins with SP, and has something of Rock Ridge. */
bool iso_has_rock(const struct iso_record *record, unsigned *out_skip)
{
	size_t use = use_of(record);

	/* CD-ROM XA puts 14 bytes in front. */
	for (unsigned xa = 0; xa <= 14; xa += 14) {
		const uint8_t *sp = record->bytes + use + xa;

		if (use + xa + 7 > record->length || !is(sp, "SP") || sp[2] != 7 || sp[4] != 0xbe ||
		    sp[5] != 0xef)
			continue;
		*out_skip = sp[6];
		return true;
	}
	return false;
}
