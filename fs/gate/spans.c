#include "fs/gate/private.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384u /* a 4 GiB file has 65,536 windows */

/* ---- packing --------------------------------------------------------------------------------------- */

#define OFFSET_BITS 18
#define LENGTH_BITS 18
#define LENGTH_MOST ((UINT64_C(1) << LENGTH_BITS) - 1)
#define IS_FIRST    (UINT64_C(1) << (OFFSET_BITS + LENGTH_BITS + 9)) /* no span before reaches it */
_Static_assert(DETECT_LEAD + DETECT_WINDOW + DETECT_TAIL < 1u << OFFSET_BITS, "offsets fit");

uint64_t span_base(uint64_t window)
{
	uint64_t start = window * DETECT_WINDOW;

	return start - BL_MIN(start, (uint64_t)DETECT_LEAD);
}

packed_span span_pack(const struct detect_span *span, uint64_t base)
{
	uint64_t offset = BL_MAX(span->offset, base), end = span->offset + span->length;
	uint64_t length = end > offset ? BL_MIN(end - offset, LENGTH_MOST) : 0;

	return (offset - base) | length << OFFSET_BITS |
	       (uint64_t)span->class << (OFFSET_BITS + LENGTH_BITS) |
	       (uint64_t)(span->is_sure != 0) << (OFFSET_BITS + LENGTH_BITS + 8);
}

struct detect_span span_unpack(packed_span packed, uint64_t base)
{
	return (struct detect_span){
		.offset = base + (packed & ((UINT64_C(1) << OFFSET_BITS) - 1)),
		.length = (uint32_t)(packed >> OFFSET_BITS & LENGTH_MOST),
		.class = (uint8_t)(packed >> (OFFSET_BITS + LENGTH_BITS)),
		.is_sure = (uint8_t)(packed >> (OFFSET_BITS + LENGTH_BITS + 8) & 1),
	};
}

/* ---- spans --------------------------------------------------------------------------------------- */

enum bl_status spans_init(struct gate_spans *cache, size_t limit_bytes)
{
	*cache = (struct gate_spans){.buckets = calloc(BUCKETS, sizeof(*cache->buckets)),
				     .limit = limit_bytes};
	pthread_mutex_init(&cache->lock, NULL);
	return cache->buckets ? BL_OK : BL_NO_MEMORY;
}

static size_t bucket_of(uint64_t serial, uint64_t window)
{
	return (size_t)((serial * UINT64_C(0x9e3779b97f4a7c15) + window) % BUCKETS);
}

static void list_out(struct gate_spans *cache, struct window_spans *spans)
{
	*(spans->newer ? &spans->newer->older : &cache->newest) = spans->older;
	*(spans->older ? &spans->older->newer : &cache->oldest) = spans->newer;
	spans->newer = spans->older = NULL;
}

static void list_in(struct gate_spans *cache, struct window_spans *spans)
{
	spans->newer = NULL;
	spans->older = cache->newest;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = spans;
	cache->newest = spans;
}

static void drop(struct gate_spans *cache, struct window_spans *spans)
{
	struct window_spans **at = &cache->buckets[bucket_of(spans->serial, spans->window)];

	while (*at != spans)
		at = &(*at)->chain;
	*at = spans->chain;
	list_out(cache, spans);
	cache->bytes -= spans->bytes;
	spans_put(spans);
}

void spans_done(struct gate_spans *cache)
{
	while (cache->oldest)
		drop(cache, cache->oldest);
	free(cache->buckets);
	pthread_mutex_destroy(&cache->lock);
}

static struct window_spans *find(struct gate_spans *cache, uint64_t serial, uint64_t window)
{
	struct window_spans *spans = cache->buckets[bucket_of(serial, window)];

	while (spans && (spans->serial != serial || spans->window != window))
		spans = spans->chain;
	return spans;
}

struct window_spans *spans_get(struct gate_spans *cache, uint64_t serial, uint64_t window)
{
	pthread_mutex_lock(&cache->lock);
	struct window_spans *spans = find(cache, serial, window);

	if (spans) {
		atomic_fetch_add(&spans->refs, 1);
		if (spans != cache->newest) {
			list_out(cache, spans);
			list_in(cache, spans);
		}
	}
	pthread_mutex_unlock(&cache->lock);
	return spans;
}

static void pack_all(const struct detect_spans *found, struct window_spans *out)
{
	uint64_t base = span_base(out->window), chain_end = 0;

	for (size_t i = 0; i < out->count; i++) {
		const struct detect_span *span = &found->items[i];

		out->items[i] = span_pack(span, base) | (span->offset >= chain_end ? IS_FIRST : 0);
		chain_end = BL_MAX(chain_end, span->offset + span->length);
	}
}

size_t spans_from(const struct window_spans *spans, uint64_t offset)
{
	uint64_t base = span_base(spans->window);
	size_t low = 0, high = spans->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (span_unpack(spans->items[middle], base).offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	while (low > 0 && !(spans->items[--low] & IS_FIRST))
		continue;
	return low;
}

const struct detect_piece *window_pieces(const struct window_spans *spans)
{
	return (const struct detect_piece *)(spans->items + spans->count);
}

static struct window_spans *window_new(struct gate_device *device, uint64_t serial, uint64_t window,
				       size_t count, size_t piece_count)
{
	size_t bytes = sizeof(struct window_spans) + count * sizeof(packed_span) +
		       piece_count * sizeof(struct detect_piece);
	struct window_spans *spans = malloc(bytes);

	if (!spans)
		return NULL;
	*spans = (struct window_spans){.serial = serial,
				       .window = window,
				       .device = device,
				       .bytes = bytes,
				       .count = count,
				       .piece_count = piece_count};
	atomic_init(&spans->refs, 1);
	return spans;
}

/* Two reads may have scanned one window at once; both found the same. */
static struct window_spans *remember(struct gate_spans *cache, struct window_spans *spans)
{
	pthread_mutex_lock(&cache->lock);
	if (!find(cache, spans->serial, spans->window) && spans->bytes <= cache->limit) {
		struct window_spans **bucket =
			&cache->buckets[bucket_of(spans->serial, spans->window)];

		while (cache->bytes + spans->bytes > cache->limit)
			drop(cache, cache->oldest);
		atomic_fetch_add(&spans->refs, 1);
		spans->chain = *bucket;
		*bucket = spans;
		list_in(cache, spans);
		cache->bytes += spans->bytes;
	}
	pthread_mutex_unlock(&cache->lock);
	return spans;
}

struct window_spans *spans_keep(struct gate_spans *cache, struct gate_device *device,
				uint64_t serial, uint64_t window, const struct detect_spans *found,
				const struct detect_pieces *pieces, bool is_withheld)
{
	size_t piece_count = pieces && !is_withheld ? pieces->count : 0;
	struct window_spans *spans =
		window_new(device, serial, window, is_withheld ? 0 : found->count, piece_count);

	if (!spans)
		return NULL;
	spans->is_withheld = is_withheld;
	pack_all(found, spans);
	if (piece_count)
		memcpy(spans->items + spans->count, pieces->items,
		       piece_count * sizeof(struct detect_piece));
	return remember(cache, spans);
}

struct window_spans *spans_keep_kept(struct gate_spans *cache, struct gate_device *device,
				     uint64_t serial, const struct kept_window *kept)
{
	struct window_spans *spans =
		window_new(device, serial, kept->window, kept->span_count, kept->piece_count);

	if (!spans)
		return NULL;
	struct detect_piece *pieces = (struct detect_piece *)(spans->items + spans->count);

	spans->is_withheld = kept->is_withheld;
	for (size_t i = 0; i < kept->span_count; i++)
		spans->items[i] = bl_get64(kept->spans + 8 * i);
	for (size_t i = 0; i < kept->piece_count; i++) {
		const uint8_t *at = kept->pieces + 24 * i;

		pieces[i] = (struct detect_piece){.start = bl_get64(at),
						  .end = bl_get64(at + 8),
						  .charset = at[16],
						  .transfer = at[17],
						  .phase = at[18],
						  .format = at[19]};
	}
	return remember(cache, spans);
}

void spans_put(struct window_spans *spans)
{
	if (spans && atomic_fetch_sub(&spans->refs, 1) == 1)
		free(spans);
}

void spans_forget(struct gate_spans *cache, const struct gate_device *device)
{
	pthread_mutex_lock(&cache->lock);
	struct window_spans *next;

	for (struct window_spans *spans = cache->newest; spans; spans = next) {
		next = spans->older;
		if (spans->device == device)
			drop(cache, spans);
	}
	pthread_mutex_unlock(&cache->lock);
}

/* ---- scratch --------------------------------------------------------------------------------------- */

void scratch_pool_init(struct scratch_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->freed, NULL);
	for (size_t i = 0; i < GATE_SCRATCHES; i++) {
		pool->items[i].next = pool->free;
		pool->free = &pool->items[i];
	}
}

void scratch_pool_done(struct scratch_pool *pool)
{
	for (size_t i = 0; i < GATE_SCRATCHES; i++) {
		struct scratch *scratch = &pool->items[i];

		free(scratch->bytes);
		free(scratch->lent);
		detect_spans_free(&scratch->spans);
		detect_pieces_free(&scratch->pieces);
		detect_work_free(scratch->work);
	}
	pthread_cond_destroy(&pool->freed);
	pthread_mutex_destroy(&pool->lock);
}

struct scratch *scratch_take(struct scratch_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (!pool->free)
		pthread_cond_wait(&pool->freed, &pool->lock);
	struct scratch *scratch = pool->free;

	pool->free = scratch->next;
	pthread_mutex_unlock(&pool->lock);
	return scratch;
}

void scratch_give(struct scratch_pool *pool, struct scratch *scratch)
{
	pthread_mutex_lock(&pool->lock);
	scratch->next = pool->free;
	pool->free = scratch;
	pthread_cond_signal(&pool->freed);
	pthread_mutex_unlock(&pool->lock);
}

uint8_t *scratch_bytes(struct scratch *scratch)
{
	if (!scratch->bytes)
		scratch->bytes = malloc(GATE_READ_ROOM(GATE_READ_LIMIT));
	return scratch->bytes;
}
