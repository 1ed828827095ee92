#include "fs/image/reader/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void blocks_init(struct blocks *blocks, uint64_t image_bytes, block_fetch_fn *fetch, void *context)
{
	*blocks = (struct blocks){
		.image_bytes = image_bytes,
		.fetch = fetch,
		.context = context,
		.budget = READER_BLOCK_BUDGET,
	};
}

void blocks_done(struct blocks *blocks)
{
	for (size_t i = 0; i < BLOCKS_PAGES; i++)
		free(blocks->pages[i].bytes);
	memset(blocks->pages, 0, sizeof(blocks->pages));
}

static struct block_page *oldest_page(struct blocks *blocks)
{
	struct block_page *oldest = &blocks->pages[0];

	for (size_t i = 0; i < BLOCKS_PAGES; i++) {
		if (!blocks->pages[i].used)
			return &blocks->pages[i];
		if (blocks->pages[i].used < oldest->used)
			oldest = &blocks->pages[i];
	}
	return oldest;
}

static int fetch(struct blocks *blocks, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	if (!blocks->budget)
		return EIO;
	blocks->budget--;
	return blocks->fetch(blocks->context, offset, length, out_bytes);
}

static bool is_bad(const struct blocks *blocks, uint64_t index)
{
	for (size_t i = 0; i < BL_MIN(blocks->bad_count, (size_t)BLOCKS_BAD); i++)
		if (blocks->bad[i] == index + 1)
			return true;
	return false;
}

static int page_fill(struct blocks *blocks, struct block_page *page, uint64_t index)
{
	uint64_t offset = index * BLOCKS_PAGE;
	size_t length = (size_t)BL_MIN(blocks->image_bytes - offset, (uint64_t)BLOCKS_PAGE);
	const uint8_t *bytes = NULL;

	if (!page->bytes)
		page->bytes = malloc(BLOCKS_PAGE);
	if (!page->bytes)
		return ENOMEM;
	page->used = 0;
	int error = fetch(blocks, offset, length, &bytes);
	if (error)
		return error;
	memcpy(page->bytes, bytes, length);
	page->index = index;
	return 0;
}

static int page_find(struct blocks *blocks, uint64_t index, const struct block_page **out_page)
{
	struct block_page *page = &blocks->pages[blocks->last];

	if (!page->used || page->index != index) {
		page = NULL;
		for (size_t i = 0; i < BLOCKS_PAGES && !page; i++)
			if (blocks->pages[i].used && blocks->pages[i].index == index)
				page = &blocks->pages[i];
	}
	if (!page) {
		page = oldest_page(blocks);
		int error = page_fill(blocks, page, index);
		if (error)
			return error;
	}
	page->used = ++blocks->clock;
	blocks->last = (size_t)(page - blocks->pages);
	*out_page = page;
	return 0;
}

/* Of a page that cannot be had whole, just what is wanted of it: the rest of a filesystem lies around a bad range. */
static int piece_read(struct blocks *blocks, uint64_t offset, uint8_t *out, size_t length)
{
	uint64_t start = offset - offset % BLOCKS_PIECE;
	uint64_t end = (offset + length + BLOCKS_PIECE - 1) / BLOCKS_PIECE * BLOCKS_PIECE;
	const uint8_t *bytes = NULL;
	int error =
		fetch(blocks, start, (size_t)(BL_MIN(end, blocks->image_bytes) - start), &bytes);

	if (!error)
		memcpy(out, bytes + (offset - start), length);
	return error;
}

/* @length bytes that lie in one page */
static int part_read(struct blocks *blocks, uint64_t offset, uint8_t *out, size_t length)
{
	const struct block_page *page = NULL;
	uint64_t index = offset / BLOCKS_PAGE;

	if (is_bad(blocks, index))
		return piece_read(blocks, offset, out, length);
	int error = page_find(blocks, index, &page);
	if (error == EIO && blocks->budget) {
		blocks->bad[blocks->bad_count++ % BLOCKS_BAD] = index + 1;
		return piece_read(blocks, offset, out, length);
	}
	if (!error)
		memcpy(out, page->bytes + offset % BLOCKS_PAGE, length);
	return error;
}

static int parts_read(struct blocks *blocks, uint64_t offset, uint8_t *to, size_t length)
{
	while (length) {
		size_t part = BL_MIN(length, BLOCKS_PAGE - offset % BLOCKS_PAGE);
		int error = part_read(blocks, offset, to, part);

		if (error)
			return error;
		to += part;
		offset += part;
		length -= part;
	}
	return 0;
}

/* Parsers read into caches of their own, and keep what was there when a read fails: half of something new is not that. */
static int whole_read(struct blocks *blocks, uint64_t offset, uint8_t *out, size_t length)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, length, &end) || end > blocks->image_bytes)
		return EIO;
	if (length <= BLOCKS_PAGE - offset % BLOCKS_PAGE)
		return parts_read(blocks, offset, out, length);
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(length);
	int error = bytes ? parts_read(blocks, offset, bytes, length) : ENOMEM;

	if (!error)
		memcpy(out, bytes, length);
	return error;
}

int blocks_read(struct blocks *blocks, uint64_t offset, void *out, size_t length)
{
	int error = whole_read(blocks, offset, out, length);

	blocks->failures += error != 0;
	return error;
}

int blocks_read_bare(struct blocks *blocks, uint64_t offset, void *out, size_t length)
{
	const struct block_page *page = NULL;
	const uint8_t *bytes = NULL;
	uint64_t index = offset / BLOCKS_PAGE;
	int error = EIO;

	if (length > BLOCKS_PAGE - offset % BLOCKS_PAGE || offset >= blocks->image_bytes ||
	    length > blocks->image_bytes - offset)
		return EIO;
	if (!is_bad(blocks, index))
		error = page_find(blocks, index, &page);
	if (!error)
		bytes = page->bytes + offset % BLOCKS_PAGE;
	else
		error = fetch(blocks, offset, length, &bytes);
	if (!error)
		memcpy(out, bytes, length);
	blocks->failures += error != 0;
	return error;
}
