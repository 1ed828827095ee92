/* Parts of a device that have dates of their own: when, and whether they were carried out. */
#include <string.h>

#include "fs/device/matters.h"
#include "fs/retention/private.h"

/* Whether it was done is asked of the entry with these very patterns: with others it is another one. */
static bool is_carried(struct device_store *store, const char *id, const struct rules_part *part)
{
	uint8_t paths[DIGEST];

	part_digest(part->paths, part->path_count, paths);
	return device_parts_carried(store, id, part->due.entry, paths);
}

/* What is held, or goes as a whole, loses no parts. */
static bool has_parts(struct device_store *store, const struct policy *policy,
		      const struct device *device, const struct retention_now *now)
{
	struct retention_plan plan;

	/* Asked of every device at every pass: mostly no entry speaks of parts. */
	if (!rules_has_parts(policy) || device->source_kind != SOURCE_SEALED ||
	    !device->is_complete || device_is_gone(device) || device->state == STATE_HELD ||
	    device->state == STATE_DUE)
		return false;
	retention_plan_of(store, policy, device, now, &plan);
	return !plan.is_due && !plan.is_held;
}

bool retention_part_due(struct device_store *store, const struct policy *policy,
			const struct device *device, const struct retention_now *now, size_t *index)
{
	struct rules_retention_facts facts;
	struct rules_part part;

	if (!has_parts(store, policy, device, now) || device->grace_unix > now->trusted_unix)
		return false;
	(void)plan_facts(store, policy, device, &facts);
	for (size_t i = *index; i < rules_retention_count(policy); i++)
		if (rules_part_due(policy, &facts, i, &part) &&
		    part.due.due_unix <= now->trusted_unix &&
		    !is_carried(store, device->id, &part)) {
			*index = i;
			return true;
		}
	return false;
}

/* The part of this entry, whenever it is due. */
static bool find_part(struct device_store *store, const struct policy *policy,
		      const struct device *device, size_t index, struct rules_part *out_part)
{
	struct rules_retention_facts facts;

	/* Its date without what cannot be read is that of intake: it is not kept for longer. */
	(void)plan_facts(store, policy, device, &facts);
	return index < rules_retention_count(policy) &&
	       rules_part_due(policy, &facts, index, out_part);
}

static enum bl_status no_part(const char *id, struct bl_error *why)
{
	return bl_fail(why, BL_INVALID, "no files of '%s' have a date by that retention entry", id);
}

/* Written down is the date that it was carried out for. */
enum bl_status retention_part_carried(struct device_store *store, const struct policy *policy,
				      size_t index, const char *id, struct bl_error *why)
{
	struct rules_part part;
	struct device device;
	uint8_t paths[DIGEST];
	enum bl_status status = device_find(store, id, &device, why);

	if (status != BL_OK)
		return status;
	if (!find_part(store, policy, &device, index, &part))
		return no_part(id, why);
	part_digest(part.paths, part.path_count, paths);
	return device_part_carry(store, id, part.due.entry, paths, part.due.due_unix, why);
}

bool retention_part_date(struct device_store *store, const struct policy *policy,
			 const struct device *device, size_t index, struct rules_part *out_part)
{
	return !device_is_gone(device) && find_part(store, policy, device, index, out_part) &&
	       !is_carried(store, device->id, out_part);
}

static enum bl_status check_ripe(const struct retention_context *context,
				 const struct device *device, const struct rules_due *due,
				 struct bl_error *why)
{
	int64_t ripe_unix = BL_MAX(due->due_unix, device->grace_unix);
	char at[20];

	if (ripe_unix <= context->now.trusted_unix)
		return BL_OK;
	rules_local_time(context->policy, ripe_unix, at);
	return bl_fail(why, BL_FORBIDDEN, "files of '%s' are not destroyed by '%s' before %s",
		       device->id, due->entry, at);
}

enum bl_status retention_entry_shred(const struct retention_context *context, const char *id,
				     size_t index, uint64_t *out_files, uint32_t *out_number,
				     struct bl_error *why)
{
	struct device device;
	struct rules_part part;
	enum bl_status status = device_find(context->store, id, &device, why);
	struct part_request request = {.out_files = out_files, .out_number = out_number};

	*out_files = 0;
	*out_number = 0;
	if (status != BL_OK)
		return status;
	if (!find_part(context->store, context->policy, &device, index, &part))
		return no_part(id, why);
	status = check_ripe(context, &device, &part.due, why);
	if (status != BL_OK)
		return status;
	request.patterns = part.paths;
	request.count = part.path_count;
	request.date = &part.due;
	status = part_shred(context, id, &request, why);
	/* That no file matches is as good: the image does not change. */
	return status == BL_NOT_FOUND
		       ? retention_part_carried(context->store, context->policy, index, id, why)
		       : status;
}

/* ---- another policy --------------------------------------------------------------------------------------- */

/* Is the same part due under @policy, whatever its place in it? */
static bool is_due_under(const struct policy *policy, const struct rules_retention_facts *facts,
			 const uint8_t paths[DIGEST], int64_t trusted_unix)
{
	for (size_t i = 0; i < rules_retention_count(policy); i++) {
		struct rules_part part;
		uint8_t its[DIGEST];

		if (!rules_part_due(policy, facts, i, &part) || part.due.due_unix > trusted_unix)
			continue;
		part_digest(part.paths, part.path_count, its);
		if (memcmp(its, paths, DIGEST) == 0)
			return true;
	}
	return false;
}

enum parts_news parts_compare(struct device_store *store, const char *id,
			      const struct parts_policy *older, const struct parts_policy *newer,
			      int64_t trusted_unix)
{
	enum parts_news news = PARTS_NONE;

	for (size_t i = 0; i < rules_retention_count(newer->policy); i++) {
		struct rules_part part;
		uint8_t paths[DIGEST];

		if (!rules_part_due(newer->policy, &newer->facts, i, &part) ||
		    part.due.due_unix > trusted_unix || is_carried(store, id, &part))
			continue;
		part_digest(part.paths, part.path_count, paths);
		if (!is_due_under(older->policy, &older->facts, paths, trusted_unix))
			return PARTS_NEWLY_DUE;
		news = PARTS_DUE;
	}
	return news;
}
