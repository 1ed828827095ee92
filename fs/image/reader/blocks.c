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

static int page_fill(struct blocks *blocks, struct block_page *page, uint64_t index)
{
	uint64_t offset = index * BLOCKS_PAGE;
	size_t length = (size_t)BL_MIN(blocks->image_bytes - offset, (uint64_t)BLOCKS_PAGE);
	const uint8_t *bytes = NULL;

	if (!blocks->budget)
		return EIO;
	blocks->budget--;
	if (!page->bytes)
		page->bytes = malloc(BLOCKS_PAGE);
	if (!page->bytes)
		return ENOMEM;
	page->used = 0;
	int error = blocks->fetch(blocks->context, offset, length, &bytes);
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

int blocks_read(struct blocks *blocks, uint64_t offset, void *out, size_t length)
{
	uint8_t *to = out;
	uint64_t end;

	if (__builtin_add_overflow(offset, length, &end) || end > blocks->image_bytes)
		return EIO;
	while (length) {
		const struct block_page *page = NULL;
		size_t at = offset % BLOCKS_PAGE;
		size_t part = BL_MIN(length, BLOCKS_PAGE - at);
		int error = page_find(blocks, offset / BLOCKS_PAGE, &page);
		if (error)
			return error;
		memcpy(to, page->bytes + at, part);
		to += part;
		offset += part;
		length -= part;
	}
	return 0;
}
