#include "fs/image/places.h"

#include "fs/image/answers.h"

#include <errno.h>
#include <stdlib.h>

#define PAGE_RUNS (WIRE_WINDOW / sizeof(struct wire_run))

struct collection {
	const struct image_volume *at;
	struct image_range *items;
	size_t count, room, limit;
	uint64_t end; /* of the last range */
};

static void collection_done_cleanup(struct collection *all)
{
	free(all->items);
}

/* Before anything is taken from a page: room for all of it, within the limit. */
static enum bl_status make_room(struct collection *all, size_t more, struct bl_error *why)
{
	size_t wanted = all->count + more;

	if (wanted > all->limit + PAGE_RUNS)
		return bl_fail(why, BL_TOO_LARGE, "it lies in too many pieces of the image");
	if (wanted <= all->room)
		return BL_OK;
	size_t room = BL_MAX(wanted, all->room * 2);
	struct image_range *items = realloc(all->items, room * sizeof(*items));
	if (!items)
		return bl_fail(why, BL_NO_MEMORY, "cannot tell places: out of memory");
	all->items = items;
	all->room = room;
	return BL_OK;
}

static bool is_next_ok(const struct collection *all, const struct image_call *call, uint64_t next,
		       size_t runs)
{
	if (next == 0)
		return true;
	/* A cursor of WIRE_USED goes up to the volume's end at most, so that pages cannot go on for ever. */
	return call->op == WIRE_USED ? next > call->offset && next <= all->at->length
				     : runs > 0 && next == call->offset + runs;
}

static enum bl_status take_page(struct image_client *client, struct image_call *call,
				const struct image_reply *reply, struct collection *all,
				struct bl_error *why)
{
	size_t runs = reply->length / sizeof(struct wire_run);
	enum bl_status status = make_room(all, runs, why);

	if (status != BL_OK)
		return status;
	if ((reply->bytes && !image_append_places(reply->bytes, reply->length, all->at, all->items,
						  &all->count, &all->end)) ||
	    !is_next_ok(all, call, reply->offset, runs))
		return image_client_refuse(client, call, "the reader gave bad places", why);
	if (all->count > all->limit)
		return bl_fail(why, BL_TOO_LARGE, "it lies in too many pieces of the image");
	call->offset = reply->offset;
	return BL_OK;
}

static enum bl_status ask_page(struct image_client *client, struct image_call *call,
			       struct collection *all, struct bl_error *why)
{
	struct image_reply reply = {0};
	enum bl_status status = image_client_ask(client, call, &reply, why);
	BL_CLEANUP(bl_free) uint8_t *bytes = reply.bytes;

	if (status != BL_OK)
		return status;
	if (reply.error == EOPNOTSUPP)
		return bl_fail(why, BL_UNSUPPORTED, "the reader cannot tell where it lies");
	if (reply.error)
		return image_client_fail(reply.error, call->inode, why);
	reply.bytes = bytes;
	return take_page(client, call, &reply, all, why);
}

enum bl_status image_places_ask(struct image_client *client, const struct image_volume *at,
				unsigned volume, uint64_t inode, image_range_fn *tell,
				void *context, struct bl_error *why)
{
	bool is_used = inode == IMAGE_NO_INODE;
	struct image_call call = {
		.op = is_used ? WIRE_USED : WIRE_PLACES, .volume = volume, .inode = inode};
	BL_CLEANUP(collection_done)
	struct collection all = {.at = at,
				 .limit = is_used ? IMAGE_USED_LIMIT : IMAGE_PLACES_LIMIT};
	uint64_t deadline = image_now_ns() + IMAGE_PLACES_NS;
	enum bl_status status;

	do {
		status = ask_page(client, &call, &all, why);
		if (status == BL_OK && call.offset != 0 && image_now_ns() > deadline)
			status = bl_fail(why, BL_TIMED_OUT,
					 "the reader needs too long to tell places");
	} while (status == BL_OK && call.offset != 0);
	for (size_t i = 0; i < all.count && status == BL_OK; i++)
		if (!tell(context, &all.items[i]))
			break;
	return status;
}
