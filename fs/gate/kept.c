/* What was found in a device's files, sealed beside it (docs/format-spans.md): frames at the end of one file, an index in memory, and a
 * thread that writes. Nothing here is needed: whatever goes wrong, a window is looked into again. */
#include "fs/gate/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME	    "spans"
#define TEMPORARY   "spans.tmp"
#define MAGIC	    "BAILEESP"
#define VERSION	    1u
#define HEADER	    64u
#define FILE_ID	    16u
#define FRAME_HEAD  8u
#define FRAME_LEAST 128u
#define FRAME_MOST  (1u << 20)
#define INNER_HEAD  16u
#define ENTRY_HEAD  32u
#define ENTRY_MOST  (512u << 10)
#define PAD	    64u
#define BATCH	    (16u << 10) /* bytes of entries that are worth a frame */
#define PENDING                                                                                    \
	(4u << 20) /* of entries that wait to be written; what does not fit is looked for again */
#define WAIT_SECONDS 1 /* that less than a batch waits */
#define SPAN_BYTES   8u
#define PIECE_BYTES  24u

_Static_assert(ENTRY_MOST + INNER_HEAD + VAULT_SEAL_OVERHEAD + FRAME_HEAD + PAD <= FRAME_MOST,
	       "an entry fits into a frame");

enum entry_type { ENTRY_WINDOW = 1, ENTRY_STATE = 2 };

/* One file of frames; whoever reads in it holds it, so that it may be replaced under them. */
struct frames {
	atomic_uint refs;
	int fd;
	char id[2 * FILE_ID + 1];
};

struct frame {
	uint64_t offset, look;
	uint32_t length;
};

struct place {
	uint64_t tag;	 /* of the file's key and the type; 0: free */
	uint32_t window; /* cut to 32 bits: the entry itself says all of it */
	uint32_t frame;
};

struct index {
	struct place *places;
	size_t room, used;
	struct frame *frames;
	size_t count, frame_room;
};

struct gate_kept {
	char device[BL_DEVICE_ID_SIZE];
	const uint8_t *key; /* the device's: it outlives this */
	int folder;
	uint64_t look, limit;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct frames *frames;
	struct index index;
	uint64_t end, garbage; /* bytes of the file; of these of another look */
	uint8_t *pending;
	size_t waiting, room; /* bytes of it */
	bool is_broken;	      /* nothing can be written any more */
	bool is_ending, is_writing, is_hurried;
	bool has_thread;
	pthread_t thread;
};

/* ---- the index ------------------------------------------------------------------------------------- */

static void index_done(struct index *index)
{
	free(index->places);
	free(index->frames);
	*index = (struct index){0};
}

static uint64_t tag_of(const uint8_t key[GATE_FILE_KEY], unsigned type)
{
	uint64_t tag = bl_get64(key) + type;

	return tag ? tag : 1;
}

/* Where it is, or would be. */
static struct place *place_at(const struct index *index, uint64_t tag, uint32_t window)
{
	size_t at = (size_t)(tag + window * UINT64_C(0x9e3779b97f4a7c15)) & (index->room - 1);

	while (index->places[at].tag &&
	       (index->places[at].tag != tag || index->places[at].window != window))
		at = (at + 1) & (index->room - 1);
	return &index->places[at];
}

static bool index_grow(struct index *index)
{
	struct index bigger = {.room = index->room ? index->room * 2 : 1024};

	if ((index->used + 1) * 2 <= index->room)
		return true;
	bigger.places = calloc(bigger.room, sizeof(*bigger.places));
	if (!bigger.places)
		return false;
	for (size_t i = 0; i < index->room; i++) {
		const struct place *place = &index->places[i];

		if (place->tag)
			*place_at(&bigger, place->tag, place->window) = *place;
	}
	free(index->places);
	index->places = bigger.places;
	index->room = bigger.room;
	return true;
}

static bool index_put(struct index *index, uint64_t tag, uint32_t window, uint32_t frame)
{
	if (!index_grow(index))
		return false;
	struct place *place = place_at(index, tag, window);

	index->used += place->tag == 0;
	*place = (struct place){tag, window, frame};
	return true;
}

static bool index_frame(struct index *index, const struct frame *frame)
{
	if (index->count == index->frame_room) {
		size_t room = index->frame_room ? index->frame_room * 2 : 64;
		struct frame *grown = realloc(index->frames, room * sizeof(*grown));

		if (!grown)
			return false;
		index->frames = grown;
		index->frame_room = room;
	}
	index->frames[index->count++] = *frame;
	return true;
}

/* ---- entries --------------------------------------------------------------------------------------- */

struct entry_view {
	unsigned type, flags, pieces;
	uint32_t count;
	uint64_t window;
	const uint8_t *key, *data;
	size_t bytes; /* of the whole entry */
};

static size_t padded(size_t bytes, size_t to)
{
	return (bytes + to - 1) / to * to;
}

/* The entry at @at; false: there is none, or it does not fit. */
static bool entry_at(const uint8_t *entries, size_t length, size_t at, struct entry_view *out)
{
	if (length - at < ENTRY_HEAD)
		return false;
	const uint8_t *bytes = entries + at;

	*out = (struct entry_view){.type = bytes[0],
				   .flags = bytes[1],
				   .pieces = bl_get16(bytes + 2),
				   .count = bl_get32(bytes + 4),
				   .window = bl_get64(bytes + 8),
				   .key = bytes + 16,
				   .data = bytes + ENTRY_HEAD};
	if (out->count > ENTRY_MOST)
		return false;
	size_t data = out->type == ENTRY_STATE
			      ? out->count
			      : (size_t)out->count * SPAN_BYTES + out->pieces * PIECE_BYTES;

	out->bytes = padded(ENTRY_HEAD + data, 8);
	return out->bytes <= length - at && (out->type == ENTRY_WINDOW || out->type == ENTRY_STATE);
}

/* What a span may be in this window: whatever else it says, it was not written by us. */
static bool is_window_ok(const struct entry_view *entry)
{
	if (entry->flags > 1 || (entry->flags && entry->count))
		return false;
	for (uint32_t i = 0; i < entry->pieces; i++) {
		const uint8_t *piece = entry->data + entry->count * SPAN_BYTES + i * PIECE_BYTES;

		if (bl_get64(piece) > bl_get64(piece + 8) || piece[16] > CHARSET_COUNT ||
		    piece[17] > TRANSFER_BASE64 || piece[18] > 15 ||
		    piece[19] >= DETECT_FORMAT_COUNT)
			return false;
	}
	for (uint32_t i = 0; i < entry->count; i++)
		if (span_unpack(bl_get64(entry->data + i * SPAN_BYTES), 0).class >= CLASS_LIMIT)
			return false;
	return true;
}

/* ---- frames ---------------------------------------------------------------------------------------- */

static void frames_unref(struct frames *frames)
{
	if (!frames || atomic_fetch_sub(&frames->refs, 1) != 1)
		return;
	fd_close(frames->fd);
	free(frames);
}

static struct frames *frames_new(int fd, const uint8_t id[FILE_ID])
{
	struct frames *frames = calloc(1, sizeof(*frames));

	if (!frames) {
		fd_close(fd);
		return NULL;
	}
	atomic_init(&frames->refs, 1);
	frames->fd = fd;
	sodium_bin2hex(frames->id, sizeof(frames->id), id, FILE_ID);
	return frames;
}

static bool read_whole(int fd, uint8_t *out, size_t length, uint64_t at)
{
	size_t got = 0;

	while (got < length) {
		ssize_t step = pread(fd, out + got, length - got, (off_t)(at + got));

		if (step < 0 && errno == EINTR)
			continue;
		if (step <= 0)
			return false;
		got += (size_t)step;
	}
	return true;
}

static bool write_whole(int fd, const uint8_t *bytes, size_t length, uint64_t at)
{
	size_t put = 0;

	while (put < length) {
		ssize_t step = pwrite(fd, bytes + put, length - put, (off_t)(at + put));

		if (step < 0 && errno == EINTR)
			continue;
		if (step <= 0)
			return false;
		put += (size_t)step;
	}
	return true;
}

#define LABEL_SIZE (BL_DEVICE_ID_SIZE + 2 * FILE_ID + 40)

static void label_of(const struct gate_kept *kept, const struct frames *frames, uint64_t offset,
		     char out[LABEL_SIZE])
{
	snprintf(out, LABEL_SIZE, "spans:%s:%s:%llu", kept->device, frames->id,
		 (unsigned long long)offset);
}

/* A frame opened: entries lie in `plain`. */
struct opened {
	uint8_t *bytes; /* sealed, then plain: one block */
	const uint8_t *entries;
	size_t length;
	uint64_t look;
};

static void opened_done(struct opened *opened)
{
	free(opened->bytes);
	*opened = (struct opened){0};
}

static bool frame_open(const struct gate_kept *kept, const struct frames *frames, uint64_t offset,
		       uint32_t length, struct opened *out)
{
	size_t sealed = length - FRAME_HEAD, plain = sealed - VAULT_SEAL_OVERHEAD;
	char label[LABEL_SIZE];

	*out = (struct opened){.bytes = malloc(sealed + plain)};
	label_of(kept, frames, offset, label);
	if (!out->bytes || !read_whole(frames->fd, out->bytes, sealed, offset + FRAME_HEAD) ||
	    vault_unseal(kept->key, label, out->bytes, sealed, out->bytes + sealed, NULL) !=
		    BL_OK) {
		opened_done(out);
		return false;
	}
	const uint8_t *inner = out->bytes + sealed;

	out->look = bl_get64(inner);
	out->length = bl_get32(inner + 8);
	out->entries = inner + INNER_HEAD;
	if (out->length > plain - INNER_HEAD) {
		opened_done(out);
		return false;
	}
	return true;
}

/* The frame for these entries, sealed for its place; NULL: no memory. */
static uint8_t *frame_make(const struct gate_kept *kept, const struct frames *frames,
			   uint64_t offset, uint64_t look, const uint8_t *entries, size_t length,
			   size_t *out_length)
{
	size_t whole = padded(
		FRAME_HEAD + VAULT_SEAL_OVERHEAD + INNER_HEAD + BL_MAX(length, (size_t)1), PAD);
	size_t plain = whole - FRAME_HEAD - VAULT_SEAL_OVERHEAD;
	uint8_t *bytes = malloc(whole);
	BL_CLEANUP(bl_free) uint8_t *inner = calloc(1, plain);
	char label[LABEL_SIZE];

	if (!bytes || !inner) {
		free(bytes);
		return NULL;
	}
	bl_put32(bytes, (uint32_t)whole);
	bl_put32(bytes + 4, 0);
	bl_put64(inner, look);
	bl_put32(inner + 8, (uint32_t)length);
	memcpy(inner + INNER_HEAD, entries, length);
	label_of(kept, frames, offset, label);
	if (vault_seal(kept->key, label, inner, plain, bytes + FRAME_HEAD) != BL_OK) {
		free(bytes);
		return NULL;
	}
	*out_length = whole;
	return bytes;
}

static bool index_entries(struct index *index, const uint8_t *entries, size_t length)
{
	struct entry_view entry;

	for (size_t at = 0; entry_at(entries, length, at, &entry); at += entry.bytes)
		if (!index_put(index, tag_of(entry.key, entry.type), (uint32_t)entry.window,
			       (uint32_t)(index->count - 1)))
			return false;
	return true;
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static bool is_ours(int fd, struct stat *out_stat)
{
	return fstat(fd, out_stat) == 0 && S_ISREG(out_stat->st_mode) &&
	       out_stat->st_uid == geteuid() && !(out_stat->st_mode & 0077) &&
	       out_stat->st_nlink == 1;
}

static struct frames *file_open_old(const struct gate_kept *kept, uint64_t *out_size)
{
	int fd = openat(kept->folder, NAME, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t head[HEADER];
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!is_ours(fd, &st) || st.st_size < (off_t)HEADER || !read_whole(fd, head, HEADER, 0) ||
	    memcmp(head, MAGIC, 8) != 0 || bl_get32(head + 8) != VERSION) {
		fd_close(fd);
		return NULL;
	}
	*out_size = (uint64_t)st.st_size;
	return frames_new(fd, head + 16);
}

static struct frames *file_new(const struct gate_kept *kept, const char *name)
{
	uint8_t head[HEADER] = MAGIC;

	/* Whatever lies there, a link or a folder too, is nothing of ours any more. */
	(void)unlinkat(kept->folder, name, 0);
	int fd = openat(kept->folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (fd < 0)
		return NULL;
	bl_put32(head + 8, VERSION);
	randombytes_buf(head + 16, FILE_ID);
	if (!write_whole(fd, head, HEADER, 0)) {
		fd_close(fd);
		(void)unlinkat(kept->folder, name, 0);
		return NULL;
	}
	return frames_new(fd, head + 16);
}

/* One frame into the index. False: here the file ends. */
static bool load_frame(struct gate_kept *kept, uint64_t size)
{
	uint8_t head[FRAME_HEAD];
	struct opened opened;

	if (size - kept->end < FRAME_LEAST ||
	    !read_whole(kept->frames->fd, head, sizeof(head), kept->end))
		return false;
	uint32_t length = bl_get32(head);

	if (length % PAD || length < FRAME_LEAST || length > FRAME_MOST || bl_get32(head + 4) ||
	    length > size - kept->end ||
	    !frame_open(kept, kept->frames, kept->end, length, &opened))
		return false;
	const struct frame frame = {kept->end, opened.look, length};
	bool is_in = index_frame(&kept->index, &frame) &&
		     index_entries(&kept->index, opened.entries, opened.length);

	opened_done(&opened);
	if (!is_in)
		return false;
	kept->garbage += frame.look == kept->look ? 0 : length;
	kept->end += length;
	return true;
}

static void file_load(struct gate_kept *kept)
{
	uint64_t size = 0;

	kept->frames = file_open_old(kept, &size);
	if (!kept->frames)
		return;
	kept->end = HEADER;
	while (load_frame(kept, BL_MIN(size, kept->limit)))
		continue;
	/* What is torn is cut. Where that cannot be done nothing is added: it would lie behind what does not verify. */
	if (kept->end < size && ftruncate(kept->frames->fd, (off_t)kept->end) != 0)
		kept->is_broken = true;
}

static void *keep_writing(void *context);

struct gate_kept *gate_kept_open(int folder, const char *device, const uint8_t key[VAULT_KEY],
				 uint64_t look, uint64_t limit)
{
	struct gate_kept *kept = calloc(1, sizeof(*kept));

	if (!kept) {
		fd_close(folder);
		return NULL;
	}
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&kept->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&kept->lock, NULL);
	snprintf(kept->device, sizeof(kept->device), "%s", device);
	kept->folder = folder;
	kept->key = key;
	kept->look = look;
	kept->limit = limit;
	file_load(kept);
	kept->has_thread = pthread_create(&kept->thread, NULL, keep_writing, kept) == 0;
	return kept;
}

/* ---- finding ---------------------------------------------------------------------------------------- */

/* The file and the frame in which it lies; false: nowhere. */
static bool locate(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], unsigned type,
		   uint64_t window, struct frames **out_frames, struct frame *out_frame)
{
	bool is_there = false;

	pthread_mutex_lock(&kept->lock);
	if (kept->index.room) {
		const struct place *place =
			place_at(&kept->index, tag_of(key, type), (uint32_t)window);

		is_there = place->tag != 0;
		if (is_there) {
			*out_frame = kept->index.frames[place->frame];
			*out_frames = kept->frames;
			atomic_fetch_add(&kept->frames->refs, 1);
		}
	}
	pthread_mutex_unlock(&kept->lock);
	return is_there;
}

bool gate_kept_has(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], uint64_t window)
{
	bool is_there;

	pthread_mutex_lock(&kept->lock);
	is_there = kept->index.room &&
		   place_at(&kept->index, tag_of(key, ENTRY_WINDOW), (uint32_t)window)->tag != 0;
	pthread_mutex_unlock(&kept->lock);
	return is_there;
}

void gate_kept_windows(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], uint64_t window,
		       gate_kept_fn *tell, void *context)
{
	struct frames *frames;
	struct frame frame;
	struct opened opened;
	struct entry_view entry;

	if (!locate(kept, key, ENTRY_WINDOW, window, &frames, &frame))
		return;
	if (frame_open(kept, frames, frame.offset, frame.length, &opened)) {
		for (size_t at = 0; entry_at(opened.entries, opened.length, at, &entry);
		     at += entry.bytes) {
			const struct kept_window found = {.window = entry.window,
							  .is_withheld = entry.flags != 0,
							  .span_count = entry.count,
							  .piece_count = entry.pieces,
							  .spans = entry.data,
							  .pieces = entry.data +
								    entry.count * SPAN_BYTES};

			if (entry.type == ENTRY_WINDOW &&
			    memcmp(entry.key, key, GATE_FILE_KEY) == 0 && is_window_ok(&entry))
				tell(context, &found);
		}
		opened_done(&opened);
	}
	frames_unref(frames);
}

bool gate_kept_state(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], uint64_t window,
		     struct detect_state *out_state)
{
	struct frames *frames;
	struct frame frame;
	struct opened opened;
	struct entry_view entry;
	bool is_there = false;

	if (!locate(kept, key, ENTRY_STATE, window, &frames, &frame))
		return false;
	if (frame_open(kept, frames, frame.offset, frame.length, &opened)) {
		for (size_t at = 0; entry_at(opened.entries, opened.length, at, &entry);
		     at += entry.bytes) {
			if (entry.type != ENTRY_STATE || entry.window != window ||
			    entry.count != sizeof(*out_state) ||
			    memcmp(entry.key, key, GATE_FILE_KEY) != 0)
				continue;
			memcpy(out_state, entry.data, sizeof(*out_state));
			is_there = true;
		}
		opened_done(&opened);
	}
	frames_unref(frames);
	return is_there;
}

/* ---- adding ----------------------------------------------------------------------------------------- */

/* Room for one more entry, zeroed, at the end of those that wait; NULL: it is not kept. lock is held. */
static uint8_t *pending_room(struct gate_kept *kept, size_t bytes)
{
	if (kept->is_broken || !kept->has_thread || bytes > ENTRY_MOST ||
	    kept->waiting + bytes > PENDING)
		return NULL;
	if (kept->waiting + bytes > kept->room) {
		size_t room = BL_MAX(kept->room * 2, padded(kept->waiting + bytes, 4096));
		uint8_t *grown = realloc(kept->pending, room);

		if (!grown)
			return NULL;
		kept->pending = grown;
		kept->room = room;
	}
	uint8_t *entry = kept->pending + kept->waiting;

	memset(entry, 0, bytes);
	/* The thread sleeps until there is something, and then a second or a batch long. */
	if (kept->waiting == 0 || (kept->waiting < BATCH && kept->waiting + bytes >= BATCH))
		pthread_cond_broadcast(&kept->changed);
	kept->waiting += bytes;
	return entry;
}

static void entry_head(uint8_t *entry, unsigned type, uint32_t count, uint64_t window,
		       const uint8_t key[GATE_FILE_KEY])
{
	entry[0] = (uint8_t)type;
	bl_put32(entry + 4, count);
	bl_put64(entry + 8, window);
	memcpy(entry + 16, key, GATE_FILE_KEY);
}

static bool is_known(const struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], unsigned type,
		     uint64_t window)
{
	return kept->index.room &&
	       place_at(&kept->index, tag_of(key, type), (uint32_t)window)->tag != 0;
}

void gate_kept_add(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY],
		   const struct window_spans *spans)
{
	size_t data = spans->count * SPAN_BYTES + spans->piece_count * PIECE_BYTES;
	const struct detect_piece *pieces = window_pieces(spans);

	if (spans->count > ENTRY_MOST / SPAN_BYTES || spans->piece_count > UINT16_MAX)
		return;
	pthread_mutex_lock(&kept->lock);
	uint8_t *entry = is_known(kept, key, ENTRY_WINDOW, spans->window)
				 ? NULL
				 : pending_room(kept, padded(ENTRY_HEAD + data, 8));

	if (entry) {
		entry_head(entry, ENTRY_WINDOW, (uint32_t)spans->count, spans->window, key);
		entry[1] = spans->is_withheld;
		bl_put16(entry + 2, (uint16_t)spans->piece_count);
		uint8_t *at = entry + ENTRY_HEAD;

		for (size_t i = 0; i < spans->count; i++, at += SPAN_BYTES)
			bl_put64(at, spans->items[i]);
		for (size_t i = 0; i < spans->piece_count; i++, at += PIECE_BYTES) {
			bl_put64(at, pieces[i].start);
			bl_put64(at + 8, pieces[i].end);
			at[16] = pieces[i].charset;
			at[17] = pieces[i].transfer;
			at[18] = pieces[i].phase;
			at[19] = pieces[i].format;
		}
	}
	pthread_mutex_unlock(&kept->lock);
}

void gate_kept_add_state(struct gate_kept *kept, const uint8_t key[GATE_FILE_KEY], uint64_t window,
			 const struct detect_state *state)
{
	pthread_mutex_lock(&kept->lock);
	uint8_t *entry = is_known(kept, key, ENTRY_STATE, window)
				 ? NULL
				 : pending_room(kept, padded(ENTRY_HEAD + sizeof(*state), 8));

	if (entry) {
		entry_head(entry, ENTRY_STATE, sizeof(*state), window, key);
		memcpy(entry + ENTRY_HEAD, state, sizeof(*state));
	}
	pthread_mutex_unlock(&kept->lock);
}

/* ---- writing: one thread, which holds no lock while it writes -------------------------------------------- */

/* Whole entries that make one frame, from the front of @entries. */
static size_t batch_of(const uint8_t *entries, size_t length)
{
	struct entry_view entry;
	size_t at = 0;

	while (at < BATCH && entry_at(entries, length, at, &entry) &&
	       (at == 0 || at + entry.bytes <= ENTRY_MOST))
		at += entry.bytes;
	return at;
}

/* Written, and only then in the index. */
static bool append(struct gate_kept *kept, struct frames *frames, uint64_t look,
		   const uint8_t *entries, size_t length, struct index *index, uint64_t *end)
{
	size_t whole;
	BL_CLEANUP(bl_free)
	uint8_t *bytes = frame_make(kept, frames, *end, look, entries, length, &whole);

	if (!bytes)
		return false;
	if (!write_whole(frames->fd, bytes, whole, *end)) {
		/* A full disk: what was begun is taken back. Else the next frame would lie behind a torn one. */
		(void)!ftruncate(frames->fd, (off_t)*end);
		return false;
	}
	const struct frame frame = {*end, look, (uint32_t)whole};

	pthread_mutex_lock(&kept->lock);
	bool is_in = index_frame(index, &frame) && index_entries(index, entries, length);

	*end += whole;
	pthread_mutex_unlock(&kept->lock);
	return is_in;
}

static bool file_ready(struct gate_kept *kept)
{
	if (kept->frames)
		return true;
	struct frames *frames = file_new(kept, NAME);

	pthread_mutex_lock(&kept->lock);
	kept->frames = frames;
	kept->end = HEADER;
	pthread_mutex_unlock(&kept->lock);
	return frames != NULL;
}

/* Where, among the frames, those begin that stay: of the look in force, the newest, up to half of what there may be. */
static size_t first_to_stay(const struct gate_kept *kept, const struct index *index)
{
	uint64_t bytes = 0;
	size_t at = index->count;

	while (at > 0) {
		const struct frame *frame = &index->frames[at - 1];

		bytes += frame->look == kept->look ? frame->length : 0;
		if (bytes > kept->limit / 2)
			break;
		at--;
	}
	return at;
}

static bool copy_frames(struct gate_kept *kept, struct frames *to, struct index *index,
			uint64_t *end)
{
	/* Only this thread adds frames, so they may be looked at without the lock. */
	for (size_t i = first_to_stay(kept, &kept->index); i < kept->index.count; i++) {
		struct frame frame = kept->index.frames[i];
		struct opened opened;

		if (frame.look != kept->look)
			continue;
		if (!frame_open(kept, kept->frames, frame.offset, frame.length, &opened))
			continue;
		bool is_in =
			append(kept, to, opened.look, opened.entries, opened.length, index, end);

		opened_done(&opened);
		if (!is_in)
			return false;
	}
	return true;
}

/* Anew, without what nobody asks for. */
static bool rewrite(struct gate_kept *kept)
{
	struct frames *to = file_new(kept, TEMPORARY), *old;
	struct index index = {0}, old_index;
	uint64_t end = HEADER;

	if (!to)
		return false;
	if (!copy_frames(kept, to, &index, &end) ||
	    renameat(kept->folder, TEMPORARY, kept->folder, NAME) != 0) {
		(void)unlinkat(kept->folder, TEMPORARY, 0);
		index_done(&index);
		frames_unref(to);
		return false;
	}
	pthread_mutex_lock(&kept->lock);
	old = kept->frames;
	old_index = kept->index;
	kept->frames = to;
	kept->index = index;
	kept->end = end;
	kept->garbage = 0;
	pthread_mutex_unlock(&kept->lock);
	index_done(&old_index);
	frames_unref(old);
	return true;
}

static bool is_rewrite_due(const struct gate_kept *kept, size_t coming)
{
	return kept->end + coming + FRAME_MOST > kept->limit ||
	       (kept->end > kept->limit / 8 && kept->garbage > kept->end / 2);
}

static bool write_all(struct gate_kept *kept, const uint8_t *entries, size_t length)
{
	if (!file_ready(kept) || (is_rewrite_due(kept, length) && !rewrite(kept)))
		return false;
	for (size_t at = 0, batch; at < length; at += batch) {
		batch = batch_of(entries + at, length - at);
		if (!batch || !append(kept, kept->frames, kept->look, entries + at, batch,
				      &kept->index, &kept->end))
			return false;
	}
	return true;
}

/* Until there is a batch, or what there is has waited long enough. lock is held. */
static void wait_for_work(struct gate_kept *kept)
{
	struct timespec until;

	while (!kept->waiting && !kept->is_ending)
		pthread_cond_wait(&kept->changed, &kept->lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_SECONDS;
	while (kept->waiting < BATCH && !kept->is_ending && !kept->is_hurried)
		if (pthread_cond_timedwait(&kept->changed, &kept->lock, &until) == ETIMEDOUT)
			return;
}

static void *keep_writing(void *context)
{
	struct gate_kept *kept = context;

	pthread_mutex_lock(&kept->lock);
	for (;;) {
		wait_for_work(kept);
		if (!kept->waiting)
			break; /* it is ending */
		uint8_t *entries = BL_TAKE(kept->pending);
		size_t length = kept->waiting;

		kept->waiting = kept->room = 0;
		kept->is_writing = true;
		pthread_mutex_unlock(&kept->lock);
		bool is_written = write_all(kept, entries, length);

		free(entries);
		pthread_mutex_lock(&kept->lock);
		kept->is_writing = false;
		kept->is_broken |= !is_written;
		pthread_cond_broadcast(&kept->changed);
	}
	pthread_mutex_unlock(&kept->lock);
	return NULL;
}

void gate_kept_flush(struct gate_kept *kept)
{
	pthread_mutex_lock(&kept->lock);
	kept->is_hurried = true;
	pthread_cond_broadcast(&kept->changed);
	while (kept->has_thread && !kept->is_broken && (kept->waiting || kept->is_writing))
		pthread_cond_wait(&kept->changed, &kept->lock);
	kept->is_hurried = false;
	pthread_mutex_unlock(&kept->lock);
}

void gate_kept_close(struct gate_kept *kept)
{
	if (!kept)
		return;
	pthread_mutex_lock(&kept->lock);
	kept->is_ending = true;
	pthread_cond_broadcast(&kept->changed);
	pthread_mutex_unlock(&kept->lock);
	if (kept->has_thread)
		pthread_join(kept->thread, NULL);
	frames_unref(kept->frames);
	index_done(&kept->index);
	free(kept->pending);
	fd_close(kept->folder);
	pthread_cond_destroy(&kept->changed);
	pthread_mutex_destroy(&kept->lock);
	free(kept);
}
