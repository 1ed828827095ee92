#include "fs/image/reader/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NOBODY	    UINT64_MAX
#define STREAM_BITS 16 /* of a listing's cursor: more than one file can have */

struct lane {
	int socket;
	uint8_t *data;	       /* WIRE_WINDOW bytes: answers */
	const uint8_t *window; /* WIRE_WINDOW bytes: blocks, written by the parent */
	uint64_t block_serial;
	bool is_lost; /* the parent hung up or talked nonsense in the middle of a call */
	struct blocks blocks;
	struct sleuth_image *image;
	struct volume volumes[READER_VOLUMES];
	size_t volume_count;
	/* The last directory and the last map or places, so that the next page of either need not begin again. */
	struct listing listing;
	struct runs runs;
	uint64_t listing_volume, listing_inode, runs_volume, runs_inode;
	uint16_t runs_op; /* WIRE_MAP or WIRE_PLACES */
};

static bool is_gone(ssize_t got)
{
	return got != (ssize_t)sizeof(struct wire_message);
}

static int lane_lost(struct lane *lane)
{
	lane->is_lost = true;
	return EIO;
}

static int lane_fetch(void *context, uint64_t offset, size_t length, const uint8_t **out_bytes)
{
	struct lane *lane = context;
	struct wire_message message = {
		.magic = WIRE_MAGIC,
		.op = WIRE_BLOCK,
		.offset = offset,
		.length = length,
		.serial = ++lane->block_serial,
	};

	if (is_gone(send(lane->socket, &message, sizeof(message), MSG_NOSIGNAL)) ||
	    is_gone(recv(lane->socket, &message, sizeof(message), 0)))
		return lane_lost(lane);
	if (message.magic != WIRE_MAGIC || message.op != WIRE_BLOCK || !message.is_answer ||
	    message.serial != lane->block_serial)
		return lane_lost(lane);
	if (message.error || message.length != length)
		return EIO;
	*out_bytes = lane->window;
	return 0;
}

struct lane *lane_new(int socket, uint8_t *data, const uint8_t *window, uint64_t image_bytes,
		      const uint8_t key[READER_KEY])
{
	BL_CLEANUP(lane_free) struct lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	lane->socket = socket;
	lane->data = data;
	lane->window = window;
	lane->listing_inode = lane->runs_inode = NOBODY;
	blocks_init(&lane->blocks, image_bytes, lane_fetch, lane);
	listing_init(&lane->listing, key);
	lane->image = sleuth_image_new(&lane->blocks);
	return lane->image ? BL_TAKE(lane) : NULL;
}

void lane_free(struct lane *lane)
{
	if (!lane)
		return;
	for (size_t i = 0; i < lane->volume_count; i++)
		volume_close(&lane->volumes[i]);
	sleuth_image_free(lane->image);
	listing_done(&lane->listing);
	runs_done(&lane->runs);
	blocks_done(&lane->blocks);
	free(lane);
}

/* ---- requests ---- */

static int lane_scan(struct lane *lane)
{
	if (lane->volume_count)
		return 0;
	return volumes_scan(&lane->blocks, lane->image, lane->volumes, &lane->volume_count);
}

static int tree_of(struct lane *lane, uint32_t volume, struct tree **out_tree)
{
	int error = lane_scan(lane);

	if (error)
		return error;
	if (volume >= lane->volume_count)
		return ENOENT;
	*out_tree = volume_open(&lane->volumes[volume], &lane->blocks, lane->image);
	return *out_tree ? 0 : EIO;
}

static int answer_open(struct lane *lane, const struct wire_message *ask,
		       struct wire_message *reply)
{
	const uint64_t left_alone[2] = {ask->offset, ask->length};
	int error = lane_scan(lane);

	for (size_t i = 0; i < lane->volume_count && !error; i++) {
		struct wire_volume described;

		if (left_alone[i / 64] >> i % 64 & 1)
			lane->volumes[i].trouble = "a reader died of it, or did not come to an end";
		bl_put32(lane->data + WIRE_OPENING, (uint32_t)i + 1);
		(void)volume_open(&lane->volumes[i], &lane->blocks, lane->image);
		volume_describe(&lane->volumes[i], &lane->blocks, &described);
		memcpy(lane->data + i * sizeof(described), &described, sizeof(described));
		/* Each volume has a budget of its own: one hostile volume must not close the others. */
		lane->blocks.budget = READER_BLOCK_BUDGET;
	}
	reply->length = lane->volume_count * sizeof(struct wire_volume);
	return error;
}

/*
 * What a parser makes of a read that failed may be less than there is, and no error: a FAT folder of no entries, a chain that
 * ends early. So a call in which one failed has no other answer than that.
 */
static int unless_failed(const struct lane *lane, uint64_t before, int error)
{
	return !error && lane->blocks.failures != before ? EIO : error;
}

static int list_again(struct lane *lane, struct tree *tree, const struct wire_message *ask)
{
	if (lane->listing_inode == ask->inode && lane->listing_volume == ask->volume && ask->offset)
		return 0;
	lane->listing_inode = NOBODY;
	listing_done(&lane->listing);
	lane->listing.style = tree->names;
	uint64_t before = lane->blocks.failures;
	int error = unless_failed(lane, before, tree->ops->list(tree, ask->inode, &lane->listing));
	if (error) {
		listing_done(&lane->listing);
		return error;
	}
	lane->listing_inode = ask->inode;
	lane->listing_volume = ask->volume;
	return 0;
}

/* One page of a listing while it is put together. */
struct page {
	struct lane *lane;
	struct tree *tree;
	size_t used; /* bytes of the window */
	bool is_full;
};

/* An entry whose inode is free names nothing; any other failure is told when it is opened. */
static void page_add(struct page *page, uint64_t inode, uint64_t owner, const char *name,
		     size_t length)
{
	struct lane *lane = page->lane;
	size_t whole = (sizeof(struct wire_entry) + length + 7) & ~(size_t)7;
	struct wire_entry entry = {
		.inode = inode,
		.owner = owner,
		.name_length = (uint16_t)length,
		.record_length = (uint16_t)whole,
	};

	/* A page may stop early for the budget, too: the next one goes on where this one ends. */
	page->is_full = page->used + whole > WIRE_WINDOW ||
			(page->used && lane->blocks.budget < READER_BLOCK_BUDGET / 2);
	if (page->is_full)
		return;
	uint64_t before = lane->blocks.failures;
	int failed =
		unless_failed(lane, before, page->tree->ops->stat(page->tree, inode, &entry.attr));
	if (failed == ENOENT)
		return;
	entry.has_attr = !failed;
	if (failed)
		entry.attr = (struct wire_attr){0};
	memset(lane->data + page->used, 0, whole);
	memcpy(lane->data + page->used, &entry, sizeof(entry));
	memcpy(lane->data + page->used + sizeof(entry), name, length);
	page->used += whole;
}

/* The streams of an entry from number *inout_number on, each beside it. */
static void page_add_streams(struct page *page, const struct listed *item, uint32_t *inout_number)
{
	const char *name = page->lane->listing.names + item->name;
	char shown[READER_NAME_LIMIT + 1];
	struct stream_told told;
	struct tree *tree = page->tree;

	while (!page->is_full && !tree->ops->stream(tree, item->inode, *inout_number, &told)) {
		size_t length = name_stream(name, item->name_length, told.name, told.length,
					    told.twins, shown);

		page_add(page, told.inode, item->inode, shown, length);
		if (!page->is_full)
			*inout_number = told.number + 1;
	}
}

/* *inout_number: 0, the entry itself comes first */
static void page_add_item(struct page *page, const struct listed *item, uint32_t *inout_number)
{
	const struct tree_ops *ops = page->tree->ops;

	if (ops->check && ops->check(page->tree, item) == ENOENT)
		return;
	if (!*inout_number && !item->is_only_streams)
		page_add(page, item->inode, 0, page->lane->listing.names + item->name,
			 item->name_length);
	if (page->is_full || !ops->stream)
		return;
	*inout_number = BL_MAX(*inout_number, 1u);
	page_add_streams(page, item, inout_number);
}

/* A cursor is the number of an entry and of its stream. */
static int answer_list(struct lane *lane, const struct wire_message *ask,
		       struct wire_message *reply)
{
	struct page page = {.lane = lane};
	int error = tree_of(lane, ask->volume, &page.tree);
	size_t at = (size_t)(ask->offset >> STREAM_BITS);
	uint32_t number = ask->offset & ((1u << STREAM_BITS) - 1);

	if (!error)
		error = list_again(lane, page.tree, ask);
	if (error)
		return error;
	for (; at < lane->listing.count; at++, number = 0) {
		page_add_item(&page, &lane->listing.items[at], &number);
		if (page.is_full)
			break;
	}
	reply->length = page.used;
	reply->offset = at < lane->listing.count ? (uint64_t)at << STREAM_BITS | number : 0;
	return 0;
}

static int answer_stat(struct lane *lane, const struct wire_message *ask,
		       struct wire_message *reply)
{
	struct tree *tree = NULL;
	struct wire_attr attr;
	int error = tree_of(lane, ask->volume, &tree);

	uint64_t before = lane->blocks.failures;

	if (!error)
		error = unless_failed(lane, before, tree->ops->stat(tree, ask->inode, &attr));
	if (error)
		return error;
	memcpy(lane->data, &attr, sizeof(attr));
	reply->length = sizeof(attr);
	return 0;
}

static int map_again(struct lane *lane, struct tree *tree, const struct wire_message *ask)
{
	if (lane->runs_inode == ask->inode && lane->runs_volume == ask->volume &&
	    lane->runs_op == ask->op && ask->offset)
		return 0;
	lane->runs_inode = NOBODY;
	runs_done(&lane->runs);
	uint64_t before = lane->blocks.failures;
	int error = ask->op == WIRE_MAP ? tree->ops->map(tree, ask->inode, &lane->runs)
					: tree->ops->places(tree, ask->inode, &lane->runs);
	error = unless_failed(lane, before, error);
	if (error) {
		runs_done(&lane->runs);
		return error;
	}
	if (ask->op == WIRE_PLACES)
		runs_sort(&lane->runs);
	lane->runs_op = ask->op;
	lane->runs_inode = ask->inode;
	lane->runs_volume = ask->volume;
	return 0;
}

static int answer_map(struct lane *lane, const struct wire_message *ask, struct wire_message *reply)
{
	struct tree *tree = NULL;
	int error = tree_of(lane, ask->volume, &tree);

	if (!error)
		error = map_again(lane, tree, ask);
	if (error)
		return error;
	if (ask->offset > lane->runs.count)
		return EINVAL;
	size_t left = lane->runs.count - (size_t)ask->offset;
	size_t count = BL_MIN(left, WIRE_WINDOW / sizeof(struct wire_run));
	if (count)
		memcpy(lane->data, lane->runs.items + ask->offset, count * sizeof(struct wire_run));
	reply->length = count * sizeof(struct wire_run);
	reply->offset = count < left ? ask->offset + count : 0;
	return 0;
}

static int answer_used(struct lane *lane, const struct wire_message *ask,
		       struct wire_message *reply)
{
	struct tree *tree = NULL;
	struct runs runs = {0};
	int error = tree_of(lane, ask->volume, &tree);
	uint64_t before = lane->blocks.failures;

	if (!error)
		error = unless_failed(lane, before,
				      tree->ops->used(tree, ask->offset, &runs, &reply->offset));
	size_t count = BL_MIN(runs.count, READER_USED_RUNS);
	if (!error && count)
		memcpy(lane->data, runs.items, count * sizeof(struct wire_run));
	reply->length = count * sizeof(struct wire_run);
	runs_done(&runs);
	return error;
}

static int answer_read(struct lane *lane, const struct wire_message *ask,
		       struct wire_message *reply)
{
	struct tree *tree = NULL;
	size_t got = 0;
	int error = tree_of(lane, ask->volume, &tree);

	if (!error && (ask->length > WIRE_WINDOW || ask->offset > READER_FILE_LIMIT))
		error = EINVAL;
	uint64_t before = lane->blocks.failures;
	if (!error)
		error = tree->ops->read(tree, ask->inode, ask->offset, lane->data,
					(size_t)ask->length, &got);
	error = unless_failed(lane, before, error);
	reply->length = got;
	return error;
}

static int answer_link(struct lane *lane, const struct wire_message *ask,
		       struct wire_message *reply)
{
	struct tree *tree = NULL;
	size_t got = 0;
	int error = tree_of(lane, ask->volume, &tree);

	uint64_t before = lane->blocks.failures;

	if (!error)
		error = tree->ops->link(tree, ask->inode, (char *)lane->data, WIRE_WINDOW, &got);
	error = unless_failed(lane, before, error);
	/* A target with a NUL is no path; the parent would take it for a reader gone wrong. */
	if (!error && (!got || memchr(lane->data, '\0', got)))
		error = EIO;
	reply->length = got;
	return error;
}

static int answer_xattrs(struct lane *lane, const struct wire_message *ask,
			 struct wire_message *reply)
{
	struct xattr_pack pack = {.bytes = lane->data, .room = WIRE_WINDOW};
	struct tree *tree = NULL;
	int error = tree_of(lane, ask->volume, &tree);
	uint64_t before = lane->blocks.failures;

	if (!error && tree->ops->xattrs)
		error = tree->ops->xattrs(tree, ask->inode, &pack);
	reply->length = pack.used;
	return unless_failed(lane, before, error);
}

typedef int answer_fn(struct lane *lane, const struct wire_message *ask,
		      struct wire_message *reply);

static answer_fn *const ANSWERS[] = {
	[WIRE_OPEN] = answer_open,  [WIRE_LIST] = answer_list, [WIRE_STAT] = answer_stat,
	[WIRE_MAP] = answer_map,    [WIRE_READ] = answer_read, [WIRE_LINK] = answer_link,
	[WIRE_PLACES] = answer_map, [WIRE_USED] = answer_used, [WIRE_XATTRS] = answer_xattrs,
};

static int answer(struct lane *lane, const struct wire_message *ask)
{
	struct wire_message reply = {
		.magic = WIRE_MAGIC,
		.op = ask->op,
		.is_answer = 1,
		.volume = ask->volume,
		.inode = ask->inode,
		.serial = ask->serial,
	};

	lane->blocks.budget = READER_BLOCK_BUDGET;
	uint64_t before = lane->blocks.failures;
	reply.error = ANSWERS[ask->op](lane, ask, &reply);
	/* What libtsk has kept of a read that failed nobody knows: it begins anew. */
	if (lane->blocks.failures != before && ask->op != WIRE_OPEN &&
	    ask->volume < lane->volume_count)
		volume_forget(&lane->volumes[ask->volume]);
	if (reply.error)
		reply.length = reply.offset = 0;
	if (lane->is_lost || is_gone(send(lane->socket, &reply, sizeof(reply), MSG_NOSIGNAL)))
		return EPROTO;
	return 0;
}

int lane_serve(struct lane *lane)
{
	for (;;) {
		struct wire_message ask;
		ssize_t got = recv(lane->socket, &ask, sizeof(ask), 0);

		if (got == 0)
			return 0;
		if (is_gone(got) || ask.magic != WIRE_MAGIC || ask.is_answer ||
		    ask.op >= BL_COUNT(ANSWERS) || !ANSWERS[ask.op])
			return EPROTO;
		int error = answer(lane, &ask);
		if (error)
			return error;
	}
}
