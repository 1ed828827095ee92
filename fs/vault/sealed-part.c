#include "fs/vault/sealed-part.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- opening ------------------------------------------------------------------------------------ */

static void part_done(struct part *part)
{
	nodes_close(part->nodes);
	sealed_files_close(&part->files);
	sodium_free(part->room);
	free(part->groups);
}

static enum bl_status open_tree(struct part *part, struct bl_error *why)
{
	nodes_close(part->nodes);
	part->nodes = NULL;
	return nodes_open(&part->header, &part->files, part->root, &part->nodes, why);
}

static enum bl_status part_open(const struct sealed_io *io, int device_fd, const char *id,
				const uint8_t root[VAULT_KEY], struct part *part,
				struct bl_error *why)
{
	*part = (struct part){.files = SEALED_FILES_NONE, .id = id, .root = root};
	part->room = vault_guarded(1, SEALED_GROUP);
	if (!part->room)
		return bl_fail(why, BL_NO_MEMORY,
			       "cannot hold a group: no memory can be locked (raise LimitMEMLOCK)");

	enum bl_status status = sealed_files_open_by(io, device_fd, true, &part->files, why);

	if (status == BL_OK)
		status =
			sealed_header_read(&part->files, id, root, &part->header, &part->slot, why);
	if (status != BL_OK)
		return status;
	sealed_names_of(&part->header, &part->names);
	if (part->header.state != SEALED_COMPLETE)
		return bl_fail(why, BL_INVALID,
			       "the image's intake is not complete (destroy the whole)");
	return BL_OK;
}

/* A header that says the same, by itself and with the range above it. */
static enum bl_status write_header(struct part *part, const uint8_t root[VAULT_KEY],
				   uint64_t generations, struct bl_error *why)
{
	uint64_t rounded = (generations / SEALED_RANGE + 1) * SEALED_RANGE;

	part->header.generation = part->header.reserved;
	part->header.reserved += rounded;
	part->generation = part->header.generation + 1;
	return sealed_header_write(&part->files, &part->header, root, &part->slot, why);
}

/* ---- prepare ------------------------------------------------------------------------------------ */

static enum bl_status check_places(const struct part *part, struct bl_error *why)
{
	uint64_t at = 0, size = part->header.image_bytes;

	for (size_t i = 0; i < part->place_count; i++) {
		const struct sealed_place *place = &part->places[i];

		if (place->length == 0 || place->offset < at || place->offset > size ||
		    place->length > size - place->offset)
			return bl_fail(why, BL_INVALID,
				       "places overlap, are out of order, or past the image's end");
		at = place->offset + place->length;
	}
	return part->place_count ? BL_OK : bl_fail(why, BL_INVALID, "no place to destroy");
}

static enum bl_status add_group(struct part *part, uint64_t group, size_t *room,
				struct bl_error *why)
{
	struct nodes_group found;
	enum bl_status status = nodes_group(part->nodes, group, &found, why);

	if (status != BL_OK)
		return status;
	sodium_memzero(found.key, sizeof(found.key));
	if (found.is_zero)
		return BL_OK;
	if (part->group_count == *room) {
		size_t more = BL_MAX(*room * 2, (size_t)64);
		uint64_t *groups = reallocarray(part->groups, more, sizeof(*groups));

		if (!groups)
			return bl_fail(why, BL_NO_MEMORY,
				       "cannot hold the touched groups: out of memory");
		part->groups = groups;
		*room = more;
	}
	part->groups[part->group_count++] = group;
	return BL_OK;
}

/* Those of which something is stored: of the others there is nothing to destroy. */
static enum bl_status find_groups(struct part *part, struct bl_error *why)
{
	enum bl_status status = BL_OK;
	uint64_t next = 0;
	size_t room = 0;

	for (size_t i = 0; i < part->place_count; i++) {
		const struct sealed_place *place = &part->places[i];
		uint64_t last = (place->offset + place->length - 1) / SEALED_GROUP;

		next = BL_MAX(next, place->offset / SEALED_GROUP);
		for (; next <= last && status == BL_OK; next++)
			status = add_group(part, next, &room, why);
	}
	return status;
}

/* What is durable after it: everything under the new root, and a header that only the new root opens. */
static enum bl_status write_all(struct part *part, const uint8_t new_root[VAULT_KEY],
				struct bl_error *why)
{
	struct rewrite_out rewrite = {.fd = -1};
	enum bl_status status = rewrite_begin(part, &rewrite, why);

	if (status == BL_OK)
		status = part_tree_write(part, &rewrite, new_root, why);
	if (status == BL_OK)
		status = part_gaps_prepare(part, new_root, why);
	if (status == BL_OK)
		status = rewrite_seal(part, &rewrite, why);
	rewrite_out_close(&rewrite);
	if (status != BL_OK)
		return status;
	part->header.generation = part->generation++;
	return sealed_header_write(&part->files, &part->header, new_root, &part->slot, why);
}

static enum bl_status remove_file(const struct part *part, const char *name, struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;

	if (io->remove_at(io->context, part->files.folder, name, false) == 0 || errno == ENOENT)
		return BL_OK;
	return bl_fail_errno(why, BL_IO, "cannot remove the image's '%s'", name);
}

/*
 * Nothing happened: both header slots are the old root's again, then what was made goes. The other sides of
 * the nodes hold what no key opens.
 */
static enum bl_status undo(struct part *part, struct bl_error *why)
{
	enum bl_status status = sealed_header_read(&part->files, part->id, part->root,
						   &part->header, &part->slot, why);

	if (status == BL_OK)
		status = write_header(part, part->root, 0, why);
	if (status == BL_OK)
		status = remove_file(part, "gaps.new", why);
	if (status == BL_OK)
		status = remove_file(part, REWRITE, why);
	if (status == BL_OK)
		status = sealed_io_sync_folder(part->files.io, part->files.folder,
					       "the image's folder", why);
	return status;
}

static enum bl_status prepare(struct part *part, const uint8_t new_root[VAULT_KEY],
			      struct bl_error *why)
{
	int fd = -1;
	uint64_t rows = 0;
	enum bl_status status = rewrite_open(part, &fd, &rows, why);

	fd_close(fd);
	if (status != BL_NOT_FOUND)
		return bl_fail(why, BL_INVALID,
			       "the destruction of a part is under way (recover it first)");
	status = rewrite_sweep(part, why);
	if (status == BL_OK)
		status = check_places(part, why);
	if (status == BL_OK)
		status = open_tree(part, why);
	if (status == BL_OK)
		status = find_groups(part, why);
	/* The header's own write, and the one of the new root. */
	if (status == BL_OK)
		status = write_header(part, part->root, part_tree_generations(part) + 2, why);
	if (status != BL_OK)
		return status;
	status = write_all(part, new_root, why);
	if (status != BL_OK)
		(void)!undo(part, NULL); /* if not now, then in recovery */
	return status;
}

enum bl_status sealed_part_prepare_by(const struct sealed_io *io, int device_fd, const char *id,
				      const uint8_t root[VAULT_KEY],
				      const struct sealed_place *places, size_t count,
				      uint8_t out_root[VAULT_KEY], struct sealed_part *out_part,
				      struct bl_error *why)
{
	struct part part;
	enum bl_status status = part_open(io, device_fd, id, root, &part, why);

	part.places = places;
	part.place_count = count;
	randombytes_buf(out_root, VAULT_KEY);
	if (status == BL_OK)
		status = prepare(&part, out_root, why);
	if (status == BL_OK) {
		*out_part = (struct sealed_part){.groups = part.group_count};
		for (size_t i = 0; i < count; i++)
			out_part->bytes += places[i].length;
	} else {
		sodium_memzero(out_root, VAULT_KEY);
	}
	part_done(&part);
	return status;
}

/* ---- whose tree counts -------------------------------------------------------------------------- */

/* Is @entry what the new tree says of a group whose new index is @index? */
static bool is_new_group(const struct part *part, const struct nodes_node *leaf, uint64_t group,
			 const uint8_t index[SEALED_GROUP_INDEX])
{
	struct tree_entry entry;
	uint8_t hash[SEALED_HASH], key[VAULT_KEY];

	if (!tree_entry_decode(leaf->bytes + group % SEALED_FAN * SEALED_ENTRY, &entry))
		return false;
	if (entry.generation == 0)
		return sodium_is_zero(index, SEALED_GROUP_INDEX);
	sealed_hash(index, SEALED_GROUP_INDEX, hash);

	bool is_right = tree_unwrap(&part->names, leaf->key, 0, group, &entry, hash, key) == BL_OK;

	sodium_memzero(key, sizeof(key));
	return is_right;
}

/*
 * The root opens one of two headers; the old tree holds the touched groups as they were, the new one as they are
 * in the rewrite. A rewrite of no group changes nothing but the root: then the slots tell (see below).
 */
static enum bl_status is_committed(struct part *part, int fd, bool *out_is, struct bl_error *why)
{
	struct nodes_node leaf;
	uint8_t index[SEALED_GROUP_INDEX];
	uint64_t group = 0;
	enum bl_status status = rewrite_row_at(part, fd, 0, &group, index, why);

	if (status == BL_OK)
		status = open_tree(part, why);
	if (status == BL_OK)
		status = nodes_node(part->nodes, 0, group / SEALED_FAN, &leaf, why);
	if (status != BL_OK)
		return status;
	*out_is = !leaf.is_empty && is_new_group(part, &leaf, group, index);
	sodium_memzero(leaf.key, sizeof(leaf.key));
	return BL_OK;
}

/* True when the slot beside the current one is whole, older, and not of this root: how a commit leaves them. */
static enum bl_status is_other_older(const struct part *part, bool *out_is, struct bl_error *why)
{
	_Alignas(SEALED_PAGE) uint8_t page[SEALED_PAGE];
	struct sealed_header other;
	enum bl_status status =
		sealed_read_at(part->files.header, page, sizeof(page),
			       (1 - part->slot) * (uint64_t)SEALED_PAGE, "header", why);

	if (status != BL_OK)
		return status;
	*out_is = sealed_header_parse(page, &other, NULL) == BL_OK &&
		  other.generation < part->header.generation &&
		  sealed_header_decode(page, part->root, &other, NULL) == BL_TAMPERED;
	return BL_OK;
}

/* @out_fd: the rewrite, when it is whole; -1. */
static enum bl_status find_state(struct part *part, int *out_fd, uint64_t *out_rows,
				 enum sealed_part_state *out_state, struct bl_error *why)
{
	bool is_older = false, is_in_force = false;
	enum bl_status opened = rewrite_open(part, out_fd, out_rows, why);

	*out_state = SEALED_PART_NONE;
	if (opened == BL_NOT_FOUND)
		return BL_OK;

	enum bl_status status = is_other_older(part, &is_older, why);

	if (status != BL_OK)
		return status;
	/* A rewrite that is damaged after the commit must not be taken for one that was never completed. */
	if (opened != BL_OK && (opened != BL_INVALID || is_older))
		return opened == BL_IO ? BL_IO
				       : bl_fail(why, BL_TAMPERED,
						 "the image's 'rewrite' is not what was written");
	if (opened == BL_OK && *out_rows > 0)
		status = is_committed(part, *out_fd, &is_in_force, why);
	else
		is_in_force = opened == BL_OK && is_older;
	*out_state = is_in_force ? SEALED_PART_COMMITTED : SEALED_PART_PREPARED;
	return status;
}

/* ---- finish ------------------------------------------------------------------------------------- */

static enum bl_status retire_rewrite(const struct part *part, struct bl_error *why)
{
	const struct sealed_io *io = part->files.io;

	if (io->rename_at(io->context, part->files.folder, REWRITE, REWRITE_OLD) != 0)
		return bl_fail_errno(why, BL_IO, "cannot rename the image's 'rewrite'");

	enum bl_status status =
		sealed_io_sync_folder(io, part->files.folder, "the image's folder", why);

	return status == BL_OK ? rewrite_sweep(part, why) : status;
}

static enum bl_status finish(struct part *part, int fd, uint64_t rows, struct bl_error *why)
{
	enum bl_status status = rewrite_load(part, fd, rows, why);

	if (status == BL_OK)
		status = rewrite_copy(part, fd, why);
	if (status == BL_OK)
		status = part_gaps_finish(part, why);
	if (status == BL_OK)
		status = write_header(part, part->root, 0, why);
	if (status == BL_OK)
		status = open_tree(part, why);
	if (status == BL_OK)
		status = part_tree_wipe(part, why);
	return status == BL_OK ? retire_rewrite(part, why) : status;
}

enum bl_status sealed_part_finish_by(const struct sealed_io *io, int device_fd, const char *id,
				     const uint8_t root[VAULT_KEY], struct bl_error *why)
{
	struct part part;
	BL_CLEANUP(fd_close) int fd = -1;
	uint64_t rows = 0;
	enum sealed_part_state state = SEALED_PART_NONE;
	enum bl_status status = part_open(io, device_fd, id, root, &part, why);

	if (status == BL_OK)
		status = find_state(&part, &fd, &rows, &state, why);
	if (status == BL_OK && state == SEALED_PART_PREPARED)
		status = bl_fail(why, BL_INVALID,
				 "the new root of the image is not in force (begin again)");
	if (status == BL_OK && state == SEALED_PART_NONE)
		status = rewrite_sweep(&part, why);
	else if (status == BL_OK)
		status = finish(&part, fd, rows, why);
	part_done(&part);
	return status;
}

/* ---- recover ------------------------------------------------------------------------------------ */

enum bl_status sealed_part_recover_by(const struct sealed_io *io, int device_fd, const char *id,
				      const uint8_t root[VAULT_KEY],
				      enum sealed_part_state *out_state, struct bl_error *why)
{
	struct part part;
	BL_CLEANUP(fd_close) int fd = -1;
	uint64_t rows = 0;
	enum sealed_part_state state = SEALED_PART_NONE;
	enum bl_status status = part_open(io, device_fd, id, root, &part, why);

	if (status == BL_OK)
		status = find_state(&part, &fd, &rows, &state, why);
	if (status == BL_OK && state == SEALED_PART_PREPARED)
		status = undo(&part, why);
	else if (status == BL_OK && state == SEALED_PART_NONE)
		status = rewrite_sweep(&part, why);
	if (status == BL_OK)
		*out_state = state;
	part_done(&part);
	return status;
}

/* ---- the public ones ----------------------------------------------------------------------------- */

enum bl_status sealed_part_prepare(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
				   const struct sealed_place *places, size_t count,
				   uint8_t out_root[VAULT_KEY], struct sealed_part *out_part,
				   struct bl_error *why)
{
	return sealed_part_prepare_by(sealed_io_real(), device_fd, id, root, places, count,
				      out_root, out_part, why);
}

enum bl_status sealed_part_finish(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
				  struct bl_error *why)
{
	return sealed_part_finish_by(sealed_io_real(), device_fd, id, root, why);
}

enum bl_status sealed_part_recover(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
				   enum sealed_part_state *out_state, struct bl_error *why)
{
	return sealed_part_recover_by(sealed_io_real(), device_fd, id, root, out_state, why);
}
