/* Who is known on a device is found out before its first contents are served: files whose type is certain are read, once in a device's life
 * (docs/detection.md). In a thread of its own: a large image takes minutes. */
#include "fs/gate/private.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Enough for any device that people use; an image made to be endless ends here, with what there is. */
#define ENTRIES	    (8u << 20)
#define DIRECTORIES (1u << 20)
#define DEPTH	    128u
#define BYTES	    (UINT64_C(2) << 30)
#define SECONDS	    900
#define TRIES	    2

struct harvest {
	struct gate *gate;
	struct gate_device *device; /* counted */
	struct image *image;	    /* the device's: lives as long */
	/* Under device->harvest_lock. */
	bool is_done;
	bool is_left; /* nobody waits for it any more: it ends by itself */
	struct gate_known known;
	bool is_whole; /* of no memory there was no lack */
};

bool harvest_is_wanted(bl_classes classes)
{
	static const bl_classes PEOPLE = CLASS_BIT(CLASS_NAME) | CLASS_BIT(CLASS_EMAIL) |
					 CLASS_BIT(CLASS_PHONE) | CLASS_BIT(CLASS_ADDRESS) |
					 CLASS_BIT(CLASS_CUSTOMER);

	return (classes & PEOPLE) != 0;
}

/* ---- the walk ------------------------------------------------------------------------------------------ */

/* A directory that is still to be listed; its path is the last one in the arena when it is on top. */
struct directory {
	uint64_t inode;
	size_t path;
	uint16_t length, volume, depth;
};

/* An entry of the directory under way that may matter. */
struct found {
	uint64_t inode;
	size_t name;
	uint8_t length;
	bool has_type;
	enum image_type type;
};

struct walk {
	struct harvest *harvest;
	struct detect_harvest *people;
	struct directory *stack;
	size_t depth, stack_room;
	char *arena; /* paths of the stack, one behind the other */
	size_t arena_used, arena_room;
	struct found *found;
	size_t found_count, found_room;
	char *names;
	size_t names_used, names_room;
	uint64_t *seen; /* hashes of directories that were pushed; 0: free */
	size_t seen_count, seen_room;
	uint8_t seen_key[crypto_shorthash_KEYBYTES];
	uint8_t *buffer;	/* DETECT_HARVEST_FILE */
	char path[GATE_PATH];	/* of the directory under way, then of an entry */
	size_t path_length;	/* of the directory's part */
	unsigned volume, level; /* of the directory under way */
	uint64_t entries, listed, bytes, tried, failed;
	struct timespec until;
	bool is_bounded; /* something was left out by a limit */
	enum bl_status status;
};

static bool is_over(const struct walk *walk)
{
	return atomic_load(&walk->harvest->device->is_ending) ||
	       atomic_load(&walk->harvest->gate->is_closing);
}

static bool is_late(struct walk *walk)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < walk->until.tv_sec)
		return false;
	walk->is_bounded = true;
	return true;
}

/* Room for @count more of @size bytes; false (and status set) when there is no memory. */
static bool grow(struct walk *walk, void *array, size_t *room, size_t used, size_t count,
		 size_t size)
{
	if (*room - used >= count)
		return true;
	size_t wanted = BL_MAX(*room * 2, used + count);
	void *old, *grown;

	memcpy(&old, array, sizeof(old));
	grown = realloc(old, wanted * size);
	if (!grown) {
		walk->status = BL_NO_MEMORY;
		return false;
	}
	memcpy(array, &grown, sizeof(grown));
	*room = wanted;
	return true;
}

static uint64_t *seen_at(const struct walk *walk, uint64_t *seen, size_t room, uint64_t hash)
{
	size_t at = (size_t)hash & (room - 1);

	(void)walk;
	while (seen[at] && seen[at] != hash)
		at = (at + 1) & (room - 1);
	return &seen[at];
}

static bool seen_grow(struct walk *walk)
{
	size_t room = walk->seen_room ? walk->seen_room * 2 : 1024;
	uint64_t *bigger =
		(walk->seen_count + 1) * 2 > walk->seen_room ? calloc(room, sizeof(*bigger)) : NULL;

	if ((walk->seen_count + 1) * 2 <= walk->seen_room)
		return true;
	if (!bigger) {
		walk->status = BL_NO_MEMORY;
		return false;
	}
	for (size_t i = 0; i < walk->seen_room; i++)
		if (walk->seen[i])
			*seen_at(walk, bigger, room, walk->seen[i]) = walk->seen[i];
	free(walk->seen);
	walk->seen = bigger;
	walk->seen_room = room;
	return true;
}

/* Is this directory new? One that holds itself, on any way, would have no end. */
static bool is_new(struct walk *walk, unsigned volume, uint64_t inode)
{
	uint8_t in[10], out[crypto_shorthash_BYTES];

	if (!seen_grow(walk))
		return false;
	bl_put64(in, inode);
	bl_put16(in + 8, (uint16_t)volume);
	crypto_shorthash(out, in, sizeof(in), walk->seen_key);
	uint64_t hash = bl_get64(out) | 1;
	uint64_t *at = seen_at(walk, walk->seen, walk->seen_room, hash);

	if (*at)
		return false;
	*at = hash;
	walk->seen_count++;
	return true;
}

static void note_percent(const struct walk *walk)
{
	struct gate_device *device = walk->harvest->device;

	atomic_store(&device->harvest_listed, walk->listed);
	atomic_store(&device->harvest_known, walk->listed + walk->depth);
}

/* @length bytes of walk->path are its path. */
static void push(struct walk *walk, unsigned volume, uint64_t inode, size_t length, unsigned level)
{
	if (level > DEPTH || walk->seen_count >= DIRECTORIES) {
		walk->is_bounded = true;
		return;
	}
	if (!is_new(walk, volume, inode) ||
	    !grow(walk, &walk->stack, &walk->stack_room, walk->depth, 1, sizeof(*walk->stack)) ||
	    !grow(walk, &walk->arena, &walk->arena_room, walk->arena_used, length + 1, 1))
		return;
	walk->stack[walk->depth++] = (struct directory){inode, walk->arena_used, (uint16_t)length,
							(uint16_t)volume, (uint16_t)level};
	memcpy(walk->arena + walk->arena_used, walk->path, length);
	walk->arena_used += length;
}

/* The entry's own path behind that of its directory; 0: too long. */
static size_t path_of(struct walk *walk, const char *name, size_t length)
{
	size_t at = walk->path_length;

	if (at + 1 + length >= sizeof(walk->path))
		return 0;
	if (at)
		walk->path[at++] = '/';
	memcpy(walk->path + at, name, length);
	walk->path[at + length] = 0;
	return at + length;
}

static bool matters(struct walk *walk, const struct image_entry *entry)
{
	if (!entry->has_attr || entry->attr.type == IMAGE_DIR)
		return true;
	if (entry->attr.type != IMAGE_FILE)
		return false;
	size_t length = path_of(walk, entry->name, entry->length);

	return length && detect_harvest_source(walk->path, length, false) != DETECT_SOURCE_NONE;
}

static bool collect(void *context, const struct image_entry *entry)
{
	struct walk *walk = context;

	if (++walk->entries > ENTRIES) {
		walk->is_bounded = true;
		return false;
	}
	if (entry->length == 0 || entry->length > IMAGE_NAME_LIMIT || !matters(walk, entry))
		return !is_over(walk);
	if (!grow(walk, &walk->found, &walk->found_room, walk->found_count, 1,
		  sizeof(*walk->found)) ||
	    !grow(walk, &walk->names, &walk->names_room, walk->names_used, entry->length, 1))
		return false;
	walk->found[walk->found_count++] = (struct found){
		.inode = entry->inode,
		.name = walk->names_used,
		.length = (uint8_t)entry->length,
		.has_type = entry->has_attr,
		.type = entry->has_attr ? entry->attr.type : IMAGE_OTHER,
	};
	memcpy(walk->names + walk->names_used, entry->name, entry->length);
	walk->names_used += entry->length;
	return true;
}

/* What fails may do so only now, and what is found here counts for the device's life. */
static bool is_worth_a_try(enum bl_status status)
{
	return status != BL_OK && status != BL_NO_MEMORY && status != BL_TOO_LARGE;
}

/* What cannot be read is counted, and said at the end; what there was no memory for is not known at all. */
static void note_failed(struct walk *walk, enum bl_status status)
{
	walk->failed++;
	if (status == BL_NO_MEMORY)
		walk->status = status;
}

/* Its beginning, into the buffer. BL_TOO_LARGE: over the limit of all files together */
static enum bl_status read_beginning(struct walk *walk, uint64_t inode, size_t *out_length)
{
	BL_CLEANUP(image_file_close) struct image_file *file = NULL;
	size_t got = 0;
	enum bl_status status =
		image_file_open(walk->harvest->image, walk->volume, inode, &file, NULL);

	if (status != BL_OK)
		return status == BL_TOO_LARGE ? BL_IO : status;
	size_t length = (size_t)BL_MIN(image_file_size(file), (uint64_t)DETECT_HARVEST_FILE);

	if (length > BYTES - walk->bytes)
		return BL_TOO_LARGE;
	walk->bytes += length;
	status = image_file_read(file, 0, walk->buffer, length, &got, NULL);
	*out_length = length;
	return status == BL_OK && got != length ? BL_IO : status;
}

/* What a file says, from its beginning. */
static void read_one(struct walk *walk, uint64_t inode, enum detect_source source)
{
	enum bl_status status = BL_IO;
	size_t length = 0;

	walk->tried++;
	for (unsigned i = 0; i < TRIES && is_worth_a_try(status); i++)
		status = read_beginning(walk, inode, &length);
	if (status == BL_TOO_LARGE)
		walk->is_bounded = true;
	else if (status != BL_OK)
		note_failed(walk, status);
	else
		walk->status =
			detect_harvest_file(walk->people, source, walk->path, walk->buffer, length);
}

static void visit(struct walk *walk, struct found *found)
{
	struct image *image = walk->harvest->image;
	struct image_attr attr;
	size_t length = path_of(walk, walk->names + found->name, found->length);

	enum bl_status status =
		found->has_type ? BL_OK
				: image_stat(image, walk->volume, found->inode, &attr, NULL);

	if (status == BL_NO_MEMORY)
		walk->status = status;
	if (!found->has_type && status == BL_OK)
		found->type = attr.type;
	if (!length || (found->type != IMAGE_DIR && found->type != IMAGE_FILE)) {
		walk->is_bounded |= !length;
		return;
	}
	bool is_folder = found->type == IMAGE_DIR;
	enum detect_source source = detect_harvest_source(walk->path, length, is_folder);

	if (is_folder)
		push(walk, walk->volume, found->inode, length, walk->level + 1);
	if (walk->status != BL_OK || source == DETECT_SOURCE_NONE)
		return;
	if (is_folder)
		walk->status = detect_harvest_file(walk->people, source, walk->path, NULL, 0);
	else
		read_one(walk, found->inode, source);
}

static enum bl_status list_one(struct walk *walk, const struct directory *directory)
{
	uint64_t entries = walk->entries;
	enum bl_status status = BL_IO;

	for (unsigned i = 0; i < TRIES && is_worth_a_try(status); i++) {
		walk->entries = entries;
		walk->found_count = walk->names_used = 0;
		status = image_list(walk->harvest->image, directory->volume, directory->inode,
				    collect, walk, NULL);
	}
	return status;
}

/* The directory on top, and what is in it. */
static void list_next(struct walk *walk)
{
	const struct directory next = walk->stack[--walk->depth];

	memcpy(walk->path, walk->arena + next.path, next.length);
	walk->path[next.length] = 0;
	walk->path_length = next.length;
	walk->arena_used = next.path;
	walk->volume = next.volume;
	walk->level = next.depth;
	walk->tried++;
	enum bl_status status = list_one(walk, &next);

	if (status != BL_OK)
		note_failed(walk, status);
	for (size_t i = 0;
	     i < walk->found_count && walk->status == BL_OK && !is_over(walk) && !is_late(walk);
	     i++)
		visit(walk, &walk->found[i]);
	walk->listed++;
	note_percent(walk);
}

static void walk_roots(struct walk *walk)
{
	const struct image *image = walk->harvest->image;

	for (size_t i = image_volume_count(image); i-- > 0;) {
		const struct image_volume *volume = image_volume(image, i);

		if (volume->is_readable && !volume->is_left_out)
			push(walk, (unsigned)i, volume->root, 0, 0);
	}
}

static void walk_all(struct walk *walk)
{
	clock_gettime(CLOCK_MONOTONIC, &walk->until);
	walk->until.tv_sec += SECONDS;
	crypto_shorthash_keygen(walk->seen_key);
	walk_roots(walk);
	note_percent(walk);
	while (walk->depth && walk->status == BL_OK && walk->entries <= ENTRIES && !is_over(walk) &&
	       !is_late(walk))
		list_next(walk);
}

static void walk_done(struct walk *walk)
{
	if (walk->names)
		sodium_memzero(walk->names, walk->names_room);
	if (walk->arena)
		sodium_memzero(walk->arena, walk->arena_room);
	if (walk->buffer)
		sodium_memzero(walk->buffer, DETECT_HARVEST_FILE);
	sodium_memzero(walk->path, sizeof(walk->path));
	free(walk->names);
	free(walk->arena);
	free(walk->buffer);
	free(walk->stack);
	free(walk->found);
	free(walk->seen);
	detect_harvest_free(walk->people);
}

/* Counts only: what was found is nobody's to read. */
static void tell_left_out(const struct walk *walk)
{
	char detail[AUDIT_DETAIL_SIZE];

	if (!walk->failed && !walk->is_bounded && walk->status == BL_OK)
		return;
	snprintf(detail, sizeof(detail),
		 "looking for who is known on it: %llu of %llu files and folders could not be "
		 "read%s%s",
		 (unsigned long long)walk->failed, (unsigned long long)walk->tried,
		 walk->is_bounded ? "; some were left out by limits" : "",
		 walk->status == BL_OK ? "" : "; memory was short");
	gate_tell_trouble(walk->harvest->gate, walk->harvest->device->id, "", BL_IO, detail);
}

/* It may be ended any time: then nothing of it counts. */
static void harvest_run(struct harvest *harvest)
{
	struct walk *walk = calloc(1, sizeof(*walk));

	if (!walk)
		return;
	walk->harvest = harvest;
	walk->buffer = malloc(DETECT_HARVEST_FILE);
	walk->status = walk->buffer ? detect_harvest_new(&walk->people) : BL_NO_MEMORY;
	if (walk->status == BL_OK)
		walk_all(walk);
	if (walk->people && !is_over(walk)) {
		size_t count = 0;
		const struct detect_identity *items = detect_harvest_items(walk->people, &count);
		enum bl_status status = people_copy(items, count, &harvest->known);

		if (walk->status == BL_OK)
			walk->status = status;
		harvest->is_whole = walk->status == BL_OK;
		tell_left_out(walk);
	}
	walk_done(walk);
	free(walk);
}

/* ---- keeping it ---------------------------------------------------------------------------------------- */

/* A list that could not be written: it counts as long as the service runs. */
struct gate_unwritten {
	struct gate_unwritten *next;
	char device[BL_DEVICE_ID_SIZE];
	struct gate_known known;
};

static struct gate_unwritten **unwritten_at(struct gate *gate, const char *id)
{
	struct gate_unwritten **at = &gate->unwritten;

	while (*at && strcmp((*at)->device, id) != 0)
		at = &(*at)->next;
	return at;
}

void harvest_forget(struct gate *gate, const char *id)
{
	pthread_mutex_lock(&gate->unwritten_lock);
	struct gate_unwritten **at = unwritten_at(gate, id), *gone = *at;

	if (gone)
		*at = gone->next;
	pthread_mutex_unlock(&gate->unwritten_lock);
	if (gone)
		people_done(&gone->known);
	free(gone);
}

static void keep_in_memory(struct gate *gate, const char *id, const struct gate_known *known)
{
	struct gate_unwritten *kept = calloc(1, sizeof(*kept));

	if (!kept || people_copy(known->items, known->count, &kept->known) != BL_OK) {
		free(kept);
		return;
	}
	harvest_forget(gate, id);
	snprintf(kept->device, sizeof(kept->device), "%s", id);
	pthread_mutex_lock(&gate->unwritten_lock);
	kept->next = gate->unwritten;
	gate->unwritten = kept;
	pthread_mutex_unlock(&gate->unwritten_lock);
}

static enum bl_status spans_key(struct gate *gate, const char *id, int *out_folder, uint8_t *key)
{
	enum bl_status status = vault_device_key(device_store_vault(gate->config.store), id,
						 VAULT_SPANS, key, NULL);

	return status == BL_OK ? device_folder(gate->config.store, id, out_folder, NULL) : status;
}

/* Before it counts it is written: after a crash the device is as it was shown, or was not harvested. */
static void keep(struct gate *gate, const char *id, const struct harvest *harvest)
{
	uint8_t *key = vault_guarded(1, VAULT_KEY);
	BL_CLEANUP(fd_close) int folder = -1;
	enum bl_status status =
		key && harvest->is_whole ? spans_key(gate, id, &folder, key) : BL_NO_MEMORY;

	if (status == BL_OK)
		status = people_write(folder, id, key, &harvest->known);
	sodium_free(key);
	if (status == BL_OK)
		return;
	/* Who was found before memory ran out are not all: the next opening looks again. */
	if (harvest->is_whole)
		keep_in_memory(gate, id, &harvest->known);
	gate_tell_trouble(gate, id, "", status,
			  "who is known on it cannot be kept; it is looked for again after the "
			  "next start");
}

static enum bl_status known_from_memory(struct gate *gate, const char *id,
					struct gate_known *out_known)
{
	enum bl_status status = BL_NOT_FOUND;

	pthread_mutex_lock(&gate->unwritten_lock);
	const struct gate_unwritten *kept = *unwritten_at(gate, id);

	if (kept)
		status = people_copy(kept->known.items, kept->known.count, out_known);
	pthread_mutex_unlock(&gate->unwritten_lock);
	return status;
}

enum bl_status harvest_known(struct gate_device *device, const uint8_t key[VAULT_KEY],
			     struct gate_known *out_known)
{
	struct gate *gate = device->gate;
	BL_CLEANUP(fd_close) int folder = -1;

	*out_known = (struct gate_known){0};
	if (!harvest_is_wanted(device->classes))
		return BL_OK;
	enum bl_status status = known_from_memory(gate, device->id, out_known);

	if (status != BL_NOT_FOUND)
		return status;
	if (device_folder(gate->config.store, device->id, &folder, NULL) != BL_OK)
		return BL_NOT_FOUND;
	return people_read(folder, device->id, key, out_known);
}

/* ---- the thread ---------------------------------------------------------------------------------------- */

static void set_pending(struct gate_device *device, bool is_pending)
{
	pthread_mutex_lock(&device->harvest_lock);
	atomic_store(&device->is_pending, is_pending);
	pthread_cond_broadcast(&device->harvested);
	pthread_mutex_unlock(&device->harvest_lock);
}

/* Nobody waits any more: what was listed meanwhile was masked without those who are known now. */
static void end_late(struct harvest *harvest)
{
	struct gate_device *device = harvest->device;
	struct gate *gate = harvest->gate;
	char id[BL_DEVICE_ID_SIZE];
	bool is_over = atomic_load(&device->is_ending) || atomic_load(&gate->is_closing);
	bool is_other = !is_over && (harvest->known.count > 0 || !harvest->is_whole);

	memcpy(id, device->id, sizeof(id));
	if (!is_over)
		keep(gate, id, harvest);
	if (!is_over && !is_other)
		set_pending(device, false);
	gate_device_unref(device);
	people_done(&harvest->known);
	free(harvest);
	/* Whoever drops it meanwhile has it begun again anyway. */
	if (is_other && !atomic_load(&gate->is_closing))
		gate_device_renew(gate, id);
}

static void *harvest_thread(void *context)
{
	struct harvest *harvest = context;
	struct gate *gate = harvest->gate;
	struct gate_device *device = harvest->device;

	harvest_run(harvest);
	pthread_mutex_lock(&device->harvest_lock);
	harvest->is_done = true;
	bool is_left = harvest->is_left;

	pthread_cond_broadcast(&device->harvested);
	pthread_mutex_unlock(&device->harvest_lock);
	if (is_left)
		end_late(harvest);
	else
		gate_device_unref(device);
	pthread_mutex_lock(&gate->freed_lock);
	gate->harvests--;
	pthread_cond_broadcast(&gate->freed);
	pthread_mutex_unlock(&gate->freed_lock);
	return NULL;
}

static struct timespec in_ms(int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

static bool thread_begin(struct harvest *harvest)
{
	struct gate *gate = harvest->gate;
	pthread_attr_t attr;
	pthread_t thread;

	gate_device_ref(harvest->device);
	pthread_mutex_lock(&gate->freed_lock);
	gate->harvests++;
	pthread_mutex_unlock(&gate->freed_lock);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	bool is_begun = pthread_create(&thread, &attr, harvest_thread, harvest) == 0;

	pthread_attr_destroy(&attr);
	if (is_begun)
		return true;
	pthread_mutex_lock(&gate->freed_lock);
	gate->harvests--;
	pthread_mutex_unlock(&gate->freed_lock);
	gate_device_unref(harvest->device);
	return false;
}

/* True: it is done, and ours. */
static bool wait_done(struct harvest *harvest)
{
	struct gate_device *device = harvest->device;
	struct timespec until = in_ms(device->gate->harvest_ms);

	pthread_mutex_lock(&device->harvest_lock);
	while (!harvest->is_done &&
	       pthread_cond_timedwait(&device->harvested, &device->harvest_lock, &until) !=
		       ETIMEDOUT)
		continue;
	bool is_done = harvest->is_done;

	harvest->is_left = !is_done;
	pthread_mutex_unlock(&device->harvest_lock);
	return is_done;
}

enum bl_status harvest_begin(struct gate_device *device, struct image *image,
			     struct gate_known *out_known)
{
	struct harvest *harvest = calloc(1, sizeof(*harvest));

	*out_known = (struct gate_known){0};
	if (!harvest)
		return BL_NO_MEMORY;
	harvest->gate = device->gate;
	harvest->device = device;
	harvest->image = image;
	set_pending(device, true);
	if (!thread_begin(harvest)) {
		set_pending(device, false);
		free(harvest);
		return BL_NO_MEMORY;
	}
	if (!wait_done(harvest))
		return BL_TIMED_OUT;
	bool is_over = atomic_load(&device->is_ending) || atomic_load(&device->gate->is_closing);
	bool is_whole = harvest->is_whole;

	if (!is_over) {
		keep(device->gate, device->id, harvest);
	}
	if (!is_over && is_whole) {
		*out_known = harvest->known;
		harvest->known = (struct gate_known){0};
	}
	people_done(&harvest->known);
	free(harvest);
	set_pending(device, false);
	if (is_over)
		return BL_STALE;
	/* Names would be shown of people whom nobody knows yet. */
	return is_whole ? BL_OK : BL_NO_MEMORY;
}

bool harvest_wait(struct gate_device *device, int64_t limit_ms)
{
	struct timespec until = in_ms(limit_ms);

	pthread_mutex_lock(&device->harvest_lock);
	while (atomic_load(&device->is_pending) && !atomic_load(&device->is_ending) &&
	       pthread_cond_timedwait(&device->harvested, &device->harvest_lock, &until) !=
		       ETIMEDOUT)
		continue;
	bool is_over = !atomic_load(&device->is_pending) || atomic_load(&device->is_ending);

	pthread_mutex_unlock(&device->harvest_lock);
	return is_over;
}

unsigned harvest_percent(const struct gate_device *device)
{
	uint64_t listed = atomic_load(&device->harvest_listed);
	uint64_t known = atomic_load(&device->harvest_known);

	if (!atomic_load(&device->is_pending))
		return 100;
	return known ? (unsigned)BL_MIN(listed * 100 / known, 99) : 0;
}

void harvest_end(struct gate_device *device)
{
	pthread_mutex_lock(&device->harvest_lock);
	atomic_store(&device->is_ending, true);
	pthread_cond_broadcast(&device->harvested);
	pthread_mutex_unlock(&device->harvest_lock);
}

void harvests_done(struct gate *gate)
{
	atomic_store(&gate->is_closing, true);
	pthread_mutex_lock(&gate->freed_lock);
	while (gate->harvests)
		pthread_cond_wait(&gate->freed, &gate->freed_lock);
	pthread_mutex_unlock(&gate->freed_lock);
	while (gate->unwritten) {
		char id[BL_DEVICE_ID_SIZE];

		memcpy(id, gate->unwritten->device, sizeof(id));
		harvest_forget(gate, id);
	}
}
