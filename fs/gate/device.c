#include "fs/gate/private.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/image/container.h"
#include "fs/image/part.h"
#include "fs/vault/sealed.h"

#define NOTICE_NAME	 "NOTICE.txt"
#define NOTICE_INODE_BIT (UINT64_C(1) << 63)
#define INDEX_WORDS	 "bailee spans index"
#define STAMP_PRIME	 UINT64_C(0x100000001b3) /* FNV-1a, 64 bits */

/* ---- life ---------------------------------------------------------------------------------------- */

static void harvest_locks(struct gate_device *device)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&device->harvested, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&device->harvest_lock, NULL);
}

enum bl_status gate_device_new(struct gate *gate, const struct device *record,
			       struct gate_device **out_device)
{
	struct gate_device *device = calloc(1, sizeof(*device));

	if (!device)
		return BL_NO_MEMORY;
	device->tree = tree_new();
	if (!device->tree) {
		free(device);
		return BL_NO_MEMORY;
	}
	pthread_mutex_init(&device->lock, NULL);
	pthread_cond_init(&device->settled, NULL);
	harvest_locks(device);
	atomic_init(&device->refs, 1);
	device->gate = gate;
	device->slot = ++gate->last_slot;
	memcpy(device->id, record->id, sizeof(device->id));
	device->kind = record->kind;
	device->state = record->state;
	device->since_unix = record->enrolled_unix;
	*out_device = device;
	return BL_OK;
}

struct gate_device *gate_device_ref(struct gate_device *device)
{
	atomic_fetch_add(&device->refs, 1);
	return device;
}

static void kept_out(struct gate_device *device, struct gate_file *file)
{
	*(file->newer ? &file->newer->older : &device->newest) = file->older;
	*(file->older ? &file->older->newer : &device->oldest) = file->newer;
	file->newer = file->older = NULL;
	device->file_count--;
	tree_entry(device->tree, file->entry)->file = NULL;
	file_unref(file);
}

void gate_device_unref(struct gate_device *device)
{
	if (!device || atomic_fetch_sub(&device->refs, 1) != 1)
		return;
	struct gate *gate = device->gate;
	bool *was_freed = device->was_freed;

	spans_forget(&gate->spans, device);
	while (device->oldest)
		kept_out(device, device->oldest);
	gate_kept_close(device->kept);
	if (device->image)
		image_close(device->image);
	if (device->sealed)
		sealed_close(device->sealed);
	detect_scanner_free(device->scanner);
	detect_custom_unref(device->custom);
	sodium_free(device->keys);
	rules_places_free(device->places);
	rules_places_free(device->old_places);
	facts_free(device->facts);
	tree_free(device->tree);
	pthread_cond_destroy(&device->harvested);
	pthread_mutex_destroy(&device->harvest_lock);
	pthread_cond_destroy(&device->settled);
	pthread_mutex_destroy(&device->lock);
	free(device);
	if (was_freed) {
		pthread_mutex_lock(&gate->freed_lock);
		*was_freed = true;
		pthread_cond_broadcast(&gate->freed);
		pthread_mutex_unlock(&gate->freed_lock);
	}
}

/* ---- opening the image ------------------------------------------------------------------------------ */

/* Fixed words of the image part, about an inode; never content. */
static void on_trouble(void *context, unsigned volume, uint64_t inode, const char *text)
{
	struct gate_device *device = context;
	char detail[AUDIT_DETAIL_SIZE];

	snprintf(detail, sizeof(detail), "volume %u, inode %llu: %s", volume,
		 (unsigned long long)inode, text);
	gate_tell_trouble(device->gate, device->id, "", BL_IO, detail);
}

static enum bl_status open_keys(struct gate_device *device, struct device_keys **out_keys)
{
	struct vault *vault = device_store_vault(device->gate->config.store);
	struct device_keys *keys = vault_guarded(1, sizeof(*keys));

	if (!keys)
		return BL_NO_MEMORY;
	enum bl_status status = vault_device_key(vault, device->id, VAULT_MASK, keys->mask, NULL);

	if (status == BL_OK)
		status = vault_device_key(vault, device->id, VAULT_LOG_NAMES, keys->names, NULL);
	if (status == BL_OK)
		status = vault_device_key(vault, device->id, VAULT_SPANS, keys->spans, NULL);
	if (status == BL_OK)
		(void)crypto_generichash(keys->index, sizeof(keys->index),
					 (const uint8_t *)INDEX_WORDS, sizeof(INDEX_WORDS) - 1,
					 keys->spans, sizeof(keys->spans));
	if (status != BL_OK) {
		sodium_free(keys);
		return status;
	}
	*out_keys = keys;
	return BL_OK;
}

static void digest_number(crypto_generichash_state *state, uint64_t number)
{
	uint8_t bytes[8];

	bl_put64(bytes, number);
	crypto_generichash_update(state, bytes, sizeof(bytes));
}

static void digest_text(crypto_generichash_state *state, const char *text)
{
	size_t length = strlen(text);

	digest_number(state, length);
	crypto_generichash_update(state, (const uint8_t *)text, length);
}

/* All that spans depend on beside the file: docs/format-spans.md. */
static void digest_look(struct gate_device *device, const struct device_keys *keys,
			const struct detect_identity *items, size_t count)
{
	const struct detect_pattern *pattern;
	crypto_generichash_state state;
	const uint16_t order = 1;

	crypto_generichash_init(&state, keys->index, sizeof(keys->index), GATE_LOOK);
	digest_number(&state, DETECT_VERSION);
	crypto_generichash_update(&state, (const uint8_t *)&order, sizeof(order));
	digest_number(&state, DETECT_STATE);
	digest_number(&state, device->classes);
	for (size_t i = 0; (pattern = detect_custom_pattern(device->custom, i)); i++) {
		digest_number(&state, pattern->class);
		digest_text(&state, pattern->pattern);
	}
	digest_number(&state, UINT64_MAX);
	for (size_t i = 0; i < count; i++) {
		digest_number(&state, (uint64_t)items[i].kind << 1 | items[i].is_harvested);
		digest_text(&state, items[i].value);
	}
	crypto_generichash_final(&state, device->looks_for, sizeof(device->looks_for));
}

/*
 * The record's identities first, then those that were harvested. Only whoever opens the device, as we do, changes what it looks for.
 */
static enum bl_status open_scanner(struct gate_device *device, const struct device_keys *keys,
				   const struct gate_known *known,
				   struct detect_scanner **out_scanner)
{
	struct device_record record = {0};
	enum bl_status status =
		device_identities(device->gate->config.store, device->id, &record, NULL);

	if (status != BL_OK)
		return status;
	size_t count = record.identity_count + known->count;
	BL_CLEANUP(bl_free) struct detect_identity *all = calloc(count + 1, sizeof(*all));

	status = all ? BL_OK : BL_NO_MEMORY;
	if (all) {
		memcpy(all, record.identities, record.identity_count * sizeof(*all));
		if (known->count)
			memcpy(all + record.identity_count, known->items,
			       known->count * sizeof(*all));
		status = detect_scanner_new(device->classes, device->custom, all, count,
					    out_scanner, NULL);
		digest_look(device, keys, all, count);
	}
	device_record_done(&record);
	return status;
}

/* What is shown as a notice only is an event as well: somebody may have meant it to be read. */
static void tell_unreadable(struct gate_device *device, const struct image *image)
{
	for (size_t i = 0; i < image_volume_count(image); i++)
		if (!image_volume(image, i)->is_readable && !image_volume(image, i)->is_left_out)
			on_trouble(device, (unsigned)i, 0, "partition cannot be read");
}

static enum bl_status read_sealed(void *context, uint64_t offset, void *out, size_t length,
				  struct bl_error *why)
{
	return sealed_read(context, offset, out, length, why);
}

/* How far the opening of an image came. */
enum opening { OPENING_RECORD, OPENING_SEALED, OPENING_FILES, OPENING_READER };

#define NO_ROOM "there is not enough memory for it, locked or other"

/* What everybody who sees the device is told: words of our own, about the image as a whole. */
static const struct {
	enum opening at;
	enum bl_status status;
	const char *words;
} TROUBLES[] = {
	{OPENING_RECORD, BL_INVALID, "its intake is not complete"},
	{OPENING_RECORD, BL_LOCKED, "its image is being worked on"},
	{OPENING_RECORD, BL_NOT_FOUND, "its source is gone (put it back where it was enrolled)"},
	{OPENING_RECORD, BL_TAMPERED,
	 "its source is not the one that was enrolled: another file, size or disk"},
	{OPENING_RECORD, BL_FAILED, NO_ROOM},
	{OPENING_SEALED, BL_NOT_FOUND, "its sealed image, or a file of it, is missing"},
	{OPENING_SEALED, BL_INVALID, "its sealed image is not complete"},
	{OPENING_SEALED, BL_TAMPERED,
	 "its sealed image does not verify: changed, or an older copy"},
	{OPENING_SEALED, BL_UNSUPPORTED,
	 "this host lacks the cipher of its sealed image, or its format is newer"},
	{OPENING_SEALED, BL_IO, "its sealed image cannot be read from the disk"},
	{OPENING_FILES, BL_INVALID,
	 "a further file of its container is missing, cut, a link, or of another owner or rights "
	 "than the first (bailee mount says which)"},
	{OPENING_FILES, BL_UNSUPPORTED,
	 "its container builds on another image, or is of a kind that is not read (make it raw: "
	 "'qemu-img convert -O raw')"},
	{OPENING_FILES, BL_TOO_LARGE, "its container is in too many files (convert it to one)"},
	{OPENING_READER, BL_IO, "the beginning of its image cannot be read"},
	{OPENING_READER, BL_INVALID,
	 "its image is empty, or in a container that is damaged, encrypted or not read (bailee "
	 "mount says which)"},
	{OPENING_READER, BL_TIMED_OUT, "looking into its image took too long"},
	{OPENING_READER, BL_FAILED, "the reader cannot be started"},
	{OPENING_READER, BL_NOT_FOUND, "the part of it that was enrolled is not in its image"},
};

static const char *trouble_words(enum opening at, enum bl_status status)
{
	for (size_t i = 0; i < BL_COUNT(TROUBLES); i++)
		if (TROUBLES[i].at == at && TROUBLES[i].status == status)
			return TROUBLES[i].words;
	return status == BL_NO_MEMORY ? NO_ROOM : "its image cannot be opened";
}

/* While files in it are destroyed its bytes are neither the old ones nor the new. */
static enum bl_status check_sealed(const struct gate_device *device, const struct device *record)
{
	const struct gate_config *config = &device->gate->config;

	if (!record->is_complete)
		return BL_INVALID;
	if (!config->hot)
		return BL_FAILED; /* for as long as the service runs */
	return device_is_claimed(config->store, device->id) ? BL_LOCKED : BL_OK;
}

/* Its key is in guarded memory, and here only as long as it takes to open. */
static enum bl_status unseal(const struct gate_device *device, const struct device *record,
			     enum opening *at, struct sealed **out_sealed)
{
	const struct gate_config *config = &device->gate->config;
	BL_CLEANUP(fd_close) int folder = -1;
	uint8_t *root = vault_guarded(1, VAULT_KEY);

	if (!root)
		return BL_NO_MEMORY;
	enum bl_status status = check_sealed(device, record);

	if (status == BL_OK) {
		*at = OPENING_SEALED;
		status =
			vault_image_root(device_store_vault(config->store), device->id, root, NULL);
	}
	if (status == BL_OK)
		status = device_folder(config->store, device->id, &folder, NULL);
	if (status == BL_OK)
		status = sealed_open(folder, device->id, root, record->source_size, config->hot,
				     out_sealed, NULL);
	sodium_free(root);
	return status;
}

static enum bl_status open_sealed(struct gate_device *device, const struct device *record,
				  const struct image_options *options, enum opening *at,
				  struct image **out_image)
{
	struct sealed *sealed = NULL;
	enum bl_status status = unseal(device, record, at, &sealed);

	if (status != BL_OK)
		return status;
	const struct image_bytes bytes = {
		.read = read_sealed, .context = sealed, .size_bytes = record->source_size};

	*at = OPENING_READER;
	status = image_open_bytes(&bytes, options, out_image, NULL);
	if (status == BL_OK)
		device->sealed = sealed;
	else
		sealed_close(sealed);
	return status;
}

/* What is kept of files in an image counts for this very image: whoever writes into a file of it changes these. */
static void stamp_file(struct gate_device *device, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	const uint64_t now[] = {
		(uint64_t)st.st_size,
		(uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec,
		(uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec,
	};

	/* Of a lone file it is the three as they are; of several their order counts. */
	for (size_t i = 0; i < BL_COUNT(now); i++)
		device->stamp[i] = device->stamp[i] * STAMP_PRIME + now[i];
}

/* The image in the files that @fd is the first of. */
static enum bl_status open_files(struct gate_device *device, const struct device *record, int fd,
				 const struct image_options *options, enum opening *at,
				 struct image **out_image)
{
	BL_CLEANUP(container_free) struct container *container = NULL;

	*at = OPENING_FILES;
	enum bl_status status = container_open_beside(fd, record->source, &container, NULL);
	if (status != BL_OK)
		return status;
	memset(device->stamp, 0, sizeof(device->stamp));
	for (size_t i = 0; i < container->count; i++)
		stamp_file(device, container->fds[i]);
	*at = OPENING_READER;
	return image_open_container(BL_TAKE(container), options, out_image, NULL);
}

static enum bl_status open_plain(struct gate_device *device, const struct device *record,
				 const struct image_options *options, enum opening *at,
				 struct image **out_image)
{
	struct image_options own = *options;
	struct image_part part = {.offset = record->source_offset,
				  .partition = record->source_partition};
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = device_open_source(record, O_RDONLY, &fd, NULL);

	if (status != BL_OK)
		return status;
	memcpy(part.fs, record->source_fs, sizeof(part.fs));
	if (!image_part_is_whole(&part))
		own.part = &part;
	if (record->source_kind != SOURCE_DIRECTORY)
		return open_files(device, record, fd, &own, at, out_image);
	*at = OPENING_READER;
	return image_open(fd, IMAGE_DIRECTORY, &own, out_image, NULL);
}

static enum bl_status open_image(struct gate_device *device, enum opening *at,
				 struct image **out_image)
{
	BL_CLEANUP(bl_free) struct device *record = calloc(1, sizeof(*record));
	const struct image_options options = {.reader_path = device->gate->config.reader_path,
					      .on_trouble = on_trouble,
					      .context = device};

	if (!record)
		return BL_NO_MEMORY;
	enum bl_status status = device_find(device->gate->config.store, device->id, record, NULL);

	if (status != BL_OK)
		return status;
	status = record->source_kind == SOURCE_SEALED
			 ? open_sealed(device, record, &options, at, out_image)
			 : open_plain(device, record, &options, at, out_image);
	if (status == BL_OK)
		tell_unreadable(device, *out_image);
	return status;
}

/* What the scanner is to look for. From now on whoever sets another policy sees that this was begun under an older one. */
static bool device_begin(struct gate_device *device)
{
	pthread_rwlock_rdlock(&device->gate->policy_lock);
	const struct policy *policy = device->gate->policy;

	if (policy) {
		const struct detect_custom *custom = policy_custom(policy);

		detect_custom_unref(device->custom);
		device->custom = custom ? detect_custom_ref(custom) : NULL;
		device->classes = policy_detects(policy);
		device->is_begun = true;
	}
	pthread_rwlock_unlock(&device->gate->policy_lock);
	return policy != NULL;
}

/* Nothing is kept where that cannot be begun; reads are none the worse. */
static void open_kept(struct gate_device *device, const struct device_keys *keys)
{
	int folder = -1;

	if (!device->image ||
	    device_folder(device->gate->config.store, device->id, &folder, NULL) != BL_OK)
		return;
	device->kept = gate_kept_open(folder, device->id, keys->spans, bl_get64(device->looks_for),
				      GATE_KEPT);
}

/*
 * An image that cannot be opened is no error: the device then holds a notice. But one that is being worked on, or that there was no memory for,
 * is found again by the next call.
 */
static enum bl_status open_what_is_there(struct gate_device *device, struct image **out_image)
{
	enum opening at = OPENING_RECORD;
	enum bl_status status = open_image(device, &at, out_image);
	const char *trouble = status == BL_OK ? NULL : trouble_words(at, status);
	bool is_passing = status == BL_LOCKED || status == BL_NO_MEMORY;

	if (trouble)
		on_trouble(device, 0, 0, trouble);
	pthread_mutex_lock(&device->lock);
	device->trouble = trouble;
	pthread_mutex_unlock(&device->lock);
	return is_passing ? status : BL_OK;
}

/*
 * Nobody has been looked for on it yet. When that takes long the device is shown with what is known, without contents, and begins again
 * at the end.
 */
static enum bl_status open_unknown(struct gate_device *device, const struct device_keys *keys,
				   struct image *image, struct detect_scanner **scanner)
{
	struct gate_known known;
	struct detect_scanner *better = NULL;
	enum bl_status status = harvest_begin(device, image, &known);

	if (status == BL_TIMED_OUT)
		return BL_OK;
	if (status == BL_OK && known.count)
		status = open_scanner(device, keys, &known, &better);
	people_done(&known);
	if (better) {
		detect_scanner_free(*scanner);
		*scanner = better;
	}
	return status;
}

/* Not opened after all: nothing of it stays. */
static void close_image(struct gate_device *device, struct image *image)
{
	if (image)
		image_close(image);
	if (device->sealed)
		sealed_close(BL_TAKE(device->sealed));
}

/* Keys and scanner first: without them nothing of the image may be shown, not even a name. */
static enum bl_status device_open(struct gate_device *device)
{
	struct device_keys *keys = NULL;
	BL_CLEANUP(detect_scanner_free) struct detect_scanner *scanner = NULL;
	struct image *image = NULL;
	struct gate_known known = {0};

	if (!device_begin(device))
		return BL_FORBIDDEN;
	enum bl_status status = open_keys(device, &keys), is_known;

	if (status != BL_OK)
		return status;
	is_known = harvest_known(device, keys->spans, &known);
	status = is_known == BL_NO_MEMORY ? is_known : open_scanner(device, keys, &known, &scanner);
	people_done(&known);
	if (status == BL_OK)
		status = open_what_is_there(device, &image);
	if (status == BL_OK && image && is_known == BL_NOT_FOUND)
		status = open_unknown(device, keys, image, &scanner);
	if (status != BL_OK) {
		close_image(device, image);
		sodium_free(keys);
		return status;
	}
	pthread_mutex_lock(&device->lock);
	device->keys = keys;
	device->scanner = BL_TAKE(scanner);
	device->image = image;
	pthread_mutex_unlock(&device->lock);
	open_kept(device, keys);
	return BL_OK;
}

/* ---- directories ------------------------------------------------------------------------------------ */

static bool is_policy_moved(struct gate_device *device)
{
	pthread_rwlock_rdlock(&device->gate->policy_lock);
	const struct policy *policy = device->gate->policy;
	bool is_moved = !policy || policy_detects(policy) != device->classes ||
			!detect_custom_same(policy_custom(policy), device->custom);

	pthread_rwlock_unlock(&device->gate->policy_lock);
	return is_moved;
}

static struct image_entry own_entry(const char *name, enum image_type type, uint64_t inode)
{
	return (struct image_entry){
		.inode = inode,
		.identity = inode,
		.name = name,
		.length = strlen(name),
		.has_attr = true,
		.attr = {.type = type,
			 .mode = type == IMAGE_DIR ? S_IFDIR | 0555 : S_IFREG | 0444,
			 .nlink = 1},
	};
}

static bool add_notice(struct fresh *fresh, unsigned volume)
{
	struct image_entry entry = own_entry(NOTICE_NAME, IMAGE_FILE, NOTICE_INODE_BIT | volume);

	return fresh_add(fresh, &entry, volume, ENTRY_NOTICE);
}

static void add_volumes(const struct image *image, struct fresh *fresh)
{
	for (size_t i = 0; i < image_volume_count(image); i++) {
		const struct image_volume *volume = image_volume(image, i);
		struct image_entry entry = own_entry(volume->name, IMAGE_DIR, volume->root);

		if (volume->is_left_out)
			continue;
		if (!fresh_add(fresh, &entry, (unsigned)i,
			       volume->is_readable ? ENTRY_VOLUME : ENTRY_UNREADABLE))
			return;
	}
}

struct collecting {
	struct fresh *fresh;
	unsigned volume;
	bool *lacks_attr; /* one per item; NULL: none lacks any so far */
	size_t lacking;
};

static bool collect(void *context, const struct image_entry *entry)
{
	struct collecting *collecting = context;
	struct image_entry copy = *entry;

	if (!entry->has_attr) {
		collecting->lacking++;
		copy.attr = (struct image_attr){.type = IMAGE_OTHER, .nlink = UINT32_MAX};
	}
	return fresh_add(collecting->fresh, &copy, collecting->volume, ENTRY_IMAGE);
}

/* Entries whose attributes the list did not have; what cannot be told stays of no type, and cannot be opened. BL_OK, BL_NO_MEMORY, BL_TIMED_OUT */
static enum bl_status stat_lacking(struct gate_device *device, struct collecting *collecting)
{
	struct fresh *fresh = collecting->fresh;

	for (size_t i = 0; collecting->lacking && i < fresh->count; i++) {
		struct fresh_entry *item = &fresh->items[i];
		struct image_attr attr;

		if (item->attr.nlink != UINT32_MAX)
			continue;
		collecting->lacking--;
		item->attr.nlink = 1;
		enum bl_status status =
			image_stat(device->image, item->volume, item->inode, &attr, NULL);

		/* One that its reader hangs on, among many: the folder is asked for again, and nobody waits for all of them at once. */
		if (status == BL_NO_MEMORY || status == BL_TIMED_OUT)
			return status;
		if (status == BL_OK)
			item->attr = attr;
	}
	return BL_OK;
}

static enum bl_status find_in_names(const struct gate_device *device, struct fresh *fresh)
{
	struct detect_spans spans = {0};
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < fresh->count && status == BL_OK; i++) {
		struct fresh_entry *item = &fresh->items[i];

		if (item->kind != ENTRY_IMAGE)
			continue;
		status = detect_scan_name(device->scanner, fresh->names + item->name, item->length,
					  &spans);
		if (status != BL_OK || spans.count == 0)
			continue;
		item->find = calloc(1, sizeof(*item->find));
		if (!item->find) {
			status = BL_NO_MEMORY;
			break;
		}
		item->find->spans = spans;
		spans = (struct detect_spans){0};
	}
	detect_spans_free(&spans);
	return status;
}

static enum bl_status list_image(struct gate_device *device, unsigned volume, uint64_t inode,
				 struct fresh *fresh)
{
	struct collecting collecting = {.fresh = fresh, .volume = volume};
	enum bl_status status =
		image_list(device->image, volume, inode, collect, &collecting, NULL);

	if (status == BL_OK)
		status = fresh->status;
	if (status == BL_OK)
		status = stat_lacking(device, &collecting);
	return status == BL_OK ? find_in_names(device, fresh) : status;
}

static enum bl_status collect_device(struct gate_device *device, struct fresh *fresh)
{
	enum bl_status status = device->keys ? BL_OK : device_open(device);

	if (status != BL_OK)
		return status;
	/* The policy moved on while the image was opened: what the scanner looks for may be too little. */
	if (is_policy_moved(device))
		return BL_STALE;
	if (!device->image) {
		add_notice(fresh, 0);
		return fresh->status;
	}
	const struct image_volume *first = image_volume(device->image, 0);

	if (first->name[0] == 0)
		return list_image(device, 0, first->root, fresh);
	add_volumes(device->image, fresh);
	return fresh->status;
}

/* A directory that holds itself, on any level, would have no end. */
static bool is_loop(const struct tree *tree, const struct entry *entry)
{
	const struct entry *above = entry;

	while (above->id != 0) {
		above = tree_entry(tree, above->parent);
		if (above->kind == ENTRY_IMAGE && above->volume == entry->volume &&
		    above->inode == entry->inode)
			return true;
		if (above->kind == ENTRY_VOLUME)
			return entry->kind == ENTRY_IMAGE && above->inode == entry->inode;
	}
	return false;
}

/* Every path that is known can be told to the log. */
static bool is_too_long(const struct tree *tree, const struct entry *entry)
{
	char path[GATE_PATH];
	size_t length;

	return !tree_path(tree, entry, "", path, &length) ||
	       length + IMAGE_NAME_LIMIT >= sizeof(path);
}

static enum bl_status collect_directory(struct gate_device *device, const struct entry *entry,
					struct fresh *fresh)
{
	switch ((enum entry_kind)entry->kind) {
	case ENTRY_DEVICE:
		return collect_device(device, fresh);
	case ENTRY_UNREADABLE:
		add_notice(fresh, entry->volume);
		return fresh->status;
	case ENTRY_NOTICE:
		return BL_INVALID;
	case ENTRY_VOLUME:
	case ENTRY_IMAGE:
		break;
	}
	return list_image(device, entry->volume, entry->inode, fresh);
}

/* Claim the load of a directory, or wait for whoever has it. True: ours to do. */
static bool load_claim(struct gate_device *device, struct entry *entry, enum bl_status *out_status)
{
	while (entry->load == LOAD_BUSY)
		pthread_cond_wait(&device->settled, &device->lock);
	*out_status = BL_OK;
	if (entry->load == LOAD_READY)
		return false;
	if (entry->attr.type != IMAGE_DIR) {
		*out_status = BL_INVALID;
		return false;
	}
	if (entry->depth >= GATE_DEPTH || is_too_long(device->tree, entry) ||
	    is_loop(device->tree, entry)) {
		*out_status = BL_IO;
		return false;
	}
	entry->load = LOAD_BUSY;
	return true;
}

enum bl_status device_load(struct gate_device *device, uint32_t id)
{
	struct fresh fresh = {0};
	enum bl_status status;

	pthread_mutex_lock(&device->lock);
	struct entry *entry = tree_entry(device->tree, id);

	if (!entry || !load_claim(device, entry, &status)) {
		pthread_mutex_unlock(&device->lock);
		return entry ? status : BL_NOT_FOUND;
	}
	pthread_mutex_unlock(&device->lock);
	/* What is read of the entry here never changes: kind, volume, inode. */
	status = collect_directory(device, entry, &fresh);
	pthread_mutex_lock(&device->lock);
	if (status == BL_OK)
		status = tree_install(device->tree, entry, &fresh, device->keys->mask);
	entry->load = status == BL_OK ? LOAD_READY : LOAD_NONE;
	pthread_cond_broadcast(&device->settled);
	pthread_mutex_unlock(&device->lock);
	fresh_done(&fresh);
	return status;
}

/* ---- files ------------------------------------------------------------------------------------------- */

void file_unref(struct gate_file *file)
{
	if (!file || atomic_fetch_sub(&file->refs, 1) != 1)
		return;
	image_file_close(file->file);
	file_walk_free(file->walk);
	pthread_mutex_destroy(&file->look_lock);
	free(file);
}

static void kept_in(struct gate_device *device, struct gate_file *file)
{
	atomic_fetch_add(&file->refs, 1);
	file->older = device->newest;
	*(device->newest ? &device->newest->newer : &device->oldest) = file;
	device->newest = file;
	device->file_count++;
	tree_entry(device->tree, file->entry)->file = file;
	while (device->file_count > GATE_FILES)
		kept_out(device, device->oldest);
}

static void kept_touch(struct gate_device *device, struct gate_file *file)
{
	if (device->newest == file)
		return;
	atomic_fetch_add(&file->refs, 1);
	kept_out(device, file);
	kept_in(device, file);
	file_unref(file);
}

void device_forget_file(struct gate_device *device, struct gate_file *file)
{
	pthread_mutex_lock(&device->lock);
	if (tree_entry(device->tree, file->entry)->file == file)
		kept_out(device, file);
	pthread_mutex_unlock(&device->lock);
}

/*
 * What the file is, for what is kept of it. Its dates are read behind the opening: what changed before that is another file, and what changes later
 * makes reads stale. Where they cannot be read nothing is kept.
 */
static void file_key(struct gate_file *file, const struct entry *entry)
{
	const struct gate_device *device = file->device;
	const struct detect_profile *profile = &file->profile;
	crypto_generichash_state state;
	struct image_attr attr;

	if (!device->kept ||
	    image_stat(device->image, entry->volume, entry->inode, &attr, NULL) != BL_OK)
		return;
	crypto_generichash_init(&state, device->keys->index, sizeof(device->keys->index),
				sizeof(file->key));
	crypto_generichash_update(&state, device->looks_for, sizeof(device->looks_for));
	digest_number(&state, entry->volume);
	digest_number(&state, entry->inode);
	digest_number(&state, entry->identity);
	digest_number(&state, file->size_bytes);
	digest_number(&state, attr.size_bytes);
	digest_number(&state, (uint64_t)attr.mtime_ns);
	digest_number(&state, (uint64_t)attr.ctime_ns);
	for (size_t i = 0; i < BL_COUNT(device->stamp); i++)
		digest_number(&state, device->stamp[i]);
	digest_number(&state, profile->kind);
	digest_number(&state, profile->charset);
	digest_number(&state, profile->format);
	digest_number(&state, (uint8_t)profile->separator);
	crypto_generichash_final(&state, file->key, sizeof(file->key));
	file->has_key = true;
}

static enum bl_status file_open(struct gate_device *device, const struct entry *entry,
				struct gate_file **out_file)
{
	BL_CLEANUP(file_unref) struct gate_file *file = calloc(1, sizeof(*file));

	if (!file)
		return BL_NO_MEMORY;
	atomic_init(&file->refs, 1);
	pthread_mutex_init(&file->look_lock, NULL);
	file->device = device;
	file->entry = entry->id;
	file->serial = atomic_fetch_add(&device->gate->last_serial, 1) + 1;
	enum bl_status status = image_file_open_known(device->image, entry->volume, entry->inode,
						      &entry->attr, &file->file, NULL);

	if (status != BL_OK)
		return status;
	file->size_bytes = image_file_size(file->file);
	size_t length = (size_t)BL_MIN(file->size_bytes, DETECT_HEAD), got = 0;
	struct scratch *scratch = scratch_take(&device->gate->scratches);
	uint8_t *head = scratch_bytes(scratch);

	status = head ? image_file_read(file->file, 0, head, length, &got, NULL) : BL_NO_MEMORY;
	if (status == BL_OK && got != length)
		status = BL_IO;
	if (status == BL_OK)
		detect_profile(head, length, file->size_bytes, entry->name, &file->profile);
	scratch_give(&device->gate->scratches, scratch);
	if (status != BL_OK)
		return status;
	if (file->profile.is_text)
		file_key(file, entry);
	*out_file = BL_TAKE(file);
	return BL_OK;
}

enum bl_status device_file(struct gate_device *device, uint32_t id, struct gate_file **out_file)
{
	struct gate_file *file = NULL;

	pthread_mutex_lock(&device->lock);
	struct entry *entry = tree_entry(device->tree, id);

	if (entry && entry->file) {
		file = entry->file;
		kept_touch(device, file);
		atomic_fetch_add(&file->refs, 1);
	}
	pthread_mutex_unlock(&device->lock);
	if (file || !entry) {
		*out_file = file;
		return entry ? BL_OK : BL_NOT_FOUND;
	}
	enum bl_status status = file_open(device, entry, &file);

	if (status != BL_OK)
		return status;
	pthread_mutex_lock(&device->lock);
	if (entry->file) { /* somebody else was quicker: one file, one serial */
		struct gate_file *theirs = entry->file;

		atomic_fetch_add(&theirs->refs, 1);
		pthread_mutex_unlock(&device->lock);
		file_unref(file);
		*out_file = theirs;
		return BL_OK;
	}
	kept_in(device, file);
	pthread_mutex_unlock(&device->lock);
	*out_file = file;
	return BL_OK;
}

size_t notice_text(const struct gate_device *device, const struct entry *notice, char *out,
		   size_t size)
{
	const char *what = "this device cannot be opened";
	const char *more = device->trouble ? device->trouble : "its image cannot be opened";

	if (device->image && notice->volume < image_volume_count(device->image)) {
		what = "this partition cannot be read";
		more = image_volume(device->image, notice->volume)->notice;
	}
	int length = snprintf(out, size, "bailee: %s: %s\n", what, more);

	return length < 0 ? 0 : BL_MIN((size_t)length, size - 1);
}
